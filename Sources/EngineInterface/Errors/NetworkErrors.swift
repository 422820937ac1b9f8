package import Faults

/// Why a container cannot have, or leave, a place in a network.
package enum EndpointError: Fault, Equatable {
    case networkNotFound(String)
    case addressOnDefaultNetwork
    case addressWithoutChosenSubnet
    case interfaceTaken(String)
    case alreadyConnected(container: String, network: String)
    case notConnected(container: String, network: String)
    case belongsToTask(String)
    case hostNetwork
    case noneNetwork
    case attachedNetworkUnknown(network: String, cause: Cause)
    case networkNotAttachable(String)

    package var kind: FaultKind {
        switch self {
        case .networkNotFound, .attachedNetworkUnknown: .notFound
        case .addressOnDefaultNetwork, .addressWithoutChosenSubnet, .hostNetwork: .invalidInput
        case .interfaceTaken, .alreadyConnected, .notConnected, .belongsToTask, .noneNetwork, .networkNotAttachable:
            .forbidden
        }
    }
}
