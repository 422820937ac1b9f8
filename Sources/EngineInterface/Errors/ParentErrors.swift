package import Faults

/// Why a network cannot hang on a link of the node, or a container not on the network.
package enum ParentError: Fault, Equatable {
    case invalidMode(driver: String, mode: String)
    case invalidFlag(String)
    case loopback(driver: String)
    /// Not `NAME.NUMBER`, and there is no such link.
    case notFound(String)
    case invalidVLANName(String)
    case invalidVLANNumber(String)
    case vlanOutOfRange(Int)
    case vlanParentNotFound(String)
    /// By the first digits of the id of the network that has it alone.
    case passthru(network: String, parent: String)
    /// It is to be had alone, and another network has it.
    case passthruBeside(network: String, parent: String)
    /// Another network uses it in a way that does not go with this one.
    case inUse(network: String, parent: String)
    /// By the kernel's name of the kind of link.
    case kernelLacks(String)
    case notMade(String)
    /// When a container joins.
    case parentGone(String)
    /// A passthru network has its one container already.
    case portTaken(driver: String)
    case severalSubnets(driver: String)

    package var kind: FaultKind {
        switch self {
        case .invalidMode, .invalidFlag, .loopback, .notFound, .invalidVLANName, .invalidVLANNumber, .vlanOutOfRange,
            .vlanParentNotFound, .severalSubnets:
            .invalidInput
        case .passthru, .passthruBeside, .inUse: .forbidden
        case .kernelLacks: .notImplemented
        case .notMade, .parentGone, .portTaken: .internalError
        }
    }
}
