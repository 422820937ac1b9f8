package import Addressing
package import Faults

/// What networks do not allow.
package enum NetworkError: Fault, Equatable {
    case notFound(String)
    case ambiguousName(reference: String, matches: Int)
    case ambiguousPrefix(reference: String, matches: Int)
    case emptyName
    case nameTaken(String)
    case unknownDriver(String)
    case onlyInstance(driver: String)
    case localOverlay
    case ingressNotOverlay
    case longBridgeName(String)
    case bridgeNameTaken
    case severalSubnets
    /// Neither IPv4 nor IPv6.
    case noFamily
    case predefined(String)
    /// The name of a network that there always is, or what stands for one.
    case reservedName(String)
    case inUse(name: String, id: String)

    package var kind: FaultKind {
        switch self {
        case .notFound, .unknownDriver: .notFound
        case .ambiguousName, .ambiguousPrefix, .emptyName, .ingressNotOverlay, .longBridgeName, .severalSubnets,
            .noFamily:
            .invalidInput
        case .nameTaken: .conflict
        case .onlyInstance, .localOverlay, .bridgeNameTaken, .predefined, .reservedName, .inUse: .forbidden
        }
    }
}

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
    /// Its network is another container's, or the node's.
    case sharedNetwork
    case noneNetwork
    case attachedNetworkUnknown(network: String, cause: Cause)
    case networkNotAttachable(String)
    case networkNotAllocated(String)
    /// The network is encrypted, and this node lacks something for that.
    case encryptionImpossible(network: String, reason: String)
    /// The network is sealed, and the container that publishes ports is in none that leads outside.
    case portInSealedNetwork(String)
    case invalidAddress(String)
    case invalidAddress6(String)
    case addressOutside(String)
    case addressTaken
    case addressesExhausted(network: String, id: String)
    case addresses6Exhausted(network: String, id: String)
    case conflictingRoute(address: IPNetwork, route: IPNetwork)

    package var kind: FaultKind {
        switch self {
        case .networkNotFound, .attachedNetworkUnknown: .notFound
        case .addressOnDefaultNetwork, .addressWithoutChosenSubnet, .hostNetwork, .sharedNetwork,
            .invalidAddress, .invalidAddress6, .addressOutside:
            .invalidInput
        case .interfaceTaken, .alreadyConnected, .notConnected, .belongsToTask, .noneNetwork, .networkNotAttachable,
            .addressTaken, .conflictingRoute, .portInSealedNetwork:
            .forbidden
        case .addressesExhausted, .addresses6Exhausted: .conflict
        case .networkNotAllocated, .encryptionImpossible: .internalError
        }
    }
}

/// Options of a container's place in a network that make no sense.
package enum EndpointOptionError: Fault, Equatable {
    case invalidAddress(String)
    case invalidAddress6(String)
    case invalidMAC(String)
    /// The container's own is another than that of its main place.
    case conflictingMAC
    case invalidInterfaceName(String)
    case invalidParameter(String)
    case aliasOnDefaultNetwork
    case unsupported(String)
    case emptyLink
    case invalidLink(String)

    package var kind: FaultKind {
        switch self {
        case .invalidAddress, .invalidAddress6, .invalidMAC, .conflictingMAC, .invalidInterfaceName,
            .invalidParameter, .aliasOnDefaultNetwork, .emptyLink, .invalidLink:
            .invalidInput
        case .unsupported: .notImplemented
        }
    }
}
