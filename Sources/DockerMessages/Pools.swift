import Addressing
import Model

extension PoolFault: MessageConvertible {
    var message: String {
        switch self {
        case .notation(let block, let text):
            "invalid \(block.word) \(text): invalid CIDR block notation"
        case .hostBits(let block, let network):
            "invalid \(block.word) \(network): it should be \(network.masked)"
        case .rangeFamily(let text, let family):
            "invalid ip-range \(text): parent subnet is an \(family.word) block"
        case .wideRange(let text, let subnet):
            "invalid ip-range \(text): CIDR block is bigger than its parent subnet \(subnet)"
        case .rangeOutside(let text, let subnet):
            "invalid ip-range \(text): parent subnet \(subnet) doesn't contain ip-range"
        case .gateway(let text, let fault):
            "invalid gateway \(text): \(fault.message)"
        case .auxiliary(let name, let fault):
            "invalid auxiliary address \(name): \(fault.message)"
        }
    }
}

extension AddressFault: MessageConvertible {
    var message: String {
        switch self {
        case .notation: "invalid address"
        case .family(let subnet): "parent subnet is an \(subnet.word) block"
        case .outside(let subnet): "parent subnet \(subnet) doesn't contain this address"
        }
    }
}

extension PoolFault.Block {
    fileprivate var word: String {
        switch self {
        case .subnet: "subnet"
        case .range: "ip-range"
        }
    }
}

extension IPFamily {
    fileprivate var word: String {
        switch self {
        case .v4: "IPv4"
        case .v6: "IPv6"
        }
    }
}
