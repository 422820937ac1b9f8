import EngineInterface
import Model

extension EndpointError: MessageConvertible {
    var message: String {
        switch self {
        case .networkNotFound(let reference):
            "network \(reference) not found"
        case .addressOnDefaultNetwork:
            "user specified IP address is supported on user defined networks only"
        case .addressWithoutChosenSubnet:
            "user specified IP address is supported only when connecting to networks with user configured subnets"
        case .interfaceTaken(let name):
            "interface name \(name) is already in use by another network of the container"
        case .alreadyConnected(let container, let network):
            "endpoint with name \(container) already exists in network \(network)"
        case .notConnected(let container, let network):
            "container \(container) is not connected to network \(network)"
        case .belongsToTask(let container):
            "container \(container) is a task's: its networks are its service's to change"
        case .hostNetwork:
            "container cannot be disconnected from host network or connected to host network"
        case .noneNetwork:
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        case .attachedNetworkUnknown(let network, let cause):
            "Could not attach to network \(network): rpc error: code = NotFound desc = \(cause.message)"
        case .networkNotAttachable(let network):
            "Could not attach to network \(network): rpc error: code = PermissionDenied desc = network \(network) not manually attachable"
        }
    }
}

extension PoolError: MessageConvertible {
    var message: String {
        switch self {
        case .overlaps:
            "Pool overlaps with other one on this address space"
        case .invalidSubnet(let text):
            "Invalid subnet \(text) : invalid CIDR address: \(text)"
        case .smallSubnet(let text):
            "Invalid subnet \(text) : too small for a network"
        case .invalidRange(let text):
            "Invalid ip-range \(text) : invalid CIDR address: \(text)"
        case .rangeOutside(let text):
            "no matching subnet for range \(text)"
        case .invalidAddress(let field, let text):
            "invalid \(field) address: \(text)"
        case .addressOutside(let field, let text):
            "no matching subnet for \(field) \(text)"
        case .addressReserved(let field, let text):
            "\(field) \(text) is the subnet's own or its broadcast address"
        }
    }
}

extension NetworkOptionError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidMTU(let text, let range):
            "invalid MTU: \(text) is not a number from \(range.lowerBound) to \(range.upperBound)"
        case .neitherOnNorOff(let option, let value):
            "invalid value of network option \(option): \(value) is neither on nor off"
        }
    }
}
