package import Faults

/// What a service's specification may not say.
package enum ServiceError: Fault, Equatable {
    case invalidName
    case longName
    case renamed
    case nameTaken(String)
    case networkNotFound(String)
    case ingressNamed(String)
    /// Somebody has removed the ingress network and made no other one yet.
    case noIngress
    case unknownEndpointMode(String)
    case invalidPort
    case ingressPortOfRoundRobin
    case duplicatePort
    /// A node's own network beside another.
    case combinedNetwork(String)
    /// Tasks on a node's own network have no place in the mesh.
    case meshPortInNetwork(String)
    /// A node's own port leads to a task by a bridge, which tasks of a sealed network are not on.
    case hostPortInSealedNetwork(String)
    /// So does a port of the mesh that each node has for its own tasks alone.
    case localPortInSealedNetwork(String)
    case portTaken(port: Int, name: String, id: String, publishing: PortPublishing)
    case severalModes
    case negativeReplicas
    case modeChanged
    /// How a job is to be updated or rolled back: each change of it runs it anew.
    case rolloutOfJob(ServiceRollout)
    case perNodeMaximumOfGlobal
    case unknownFailureAction(String)
    case unknownOrder(String)
    case negativeDelay(ServiceRollout)
    case negativeMonitor(ServiceRollout)
    case failureRatioOutOfRange(ServiceRollout)
    case noPreviousSpec(String)
    /// An update asks for those of a specification that there is not.
    case noPreviousCredentials
    /// What is no place to publish a port at, or no way to choose a task.
    case invalidPublishing(String)
    /// No node can have the address.
    case foreignAddress(String)
    case meshOnlyPublishing
    /// Asked for by a label of this name.
    case proxyProtocol(label: String)

    package var kind: FaultKind {
        switch self {
        case .invalidName, .longName, .ingressNamed, .noIngress, .unknownEndpointMode, .invalidPort,
            .ingressPortOfRoundRobin,
            .duplicatePort, .portTaken, .severalModes, .negativeReplicas, .rolloutOfJob, .perNodeMaximumOfGlobal,
            .unknownFailureAction, .unknownOrder, .negativeDelay, .negativeMonitor, .failureRatioOutOfRange,
            .noPreviousSpec, .noPreviousCredentials, .combinedNetwork, .meshPortInNetwork,
            .hostPortInSealedNetwork, .localPortInSealedNetwork, .invalidPublishing,
            .foreignAddress,
            .meshOnlyPublishing:
            .invalidInput
        case .renamed, .modeChanged, .proxyProtocol: .notImplemented
        case .nameTaken: .conflict
        case .networkNotFound: .notFound
        }
    }
}

/// How the service that has a port publishes it.
package enum PortPublishing: Sendable, Equatable {
    case ingress
    case host
}

/// Which of a service's changes a setting is for.
package enum ServiceRollout: Sendable, Equatable {
    case update
    case rollback
}

/// What a task's specification may not say.
package enum TaskSpecError: Fault, Equatable {
    /// What runs a task is not what the specification describes.
    case mismatchedRuntime
    /// A word that names nothing which runs tasks.
    case unsupportedRuntime
    case littleCPU(Double)
    case littleMemory(Int64)
    case unknownRestartCondition(String)
    case negativeRestartDelay
    case negativeRestartWindow
    case preferenceNotSpread
    case noImage
    /// A text that names no image.
    case invalidImage(String)
    case negativeStopGrace
    /// A time of a health check, by its name in the API.
    case shortHealthDuration(String)
    case negativeHealthRetries
    case unknownMountType(String)
    case unknownMountPropagation(String)
    case unknownMountConsistency(String)
    case relativeMountTarget(String)
    case duplicateMountTarget(String)
    case invalidTemplate(place: TemplatePlace, reason: String)

    package var kind: FaultKind { .invalidInput }
}

/// What a constraint on where tasks are placed may not say.
package enum ConstraintError: Fault, Equatable {
    case noOperator
    case invalidKey(String)
    case invalidValue(String)

    package var kind: FaultKind { .internalError }
}

/// Where in a task's specification a template stands.
package enum TemplatePlace: Sendable, Equatable {
    case environment(String)
    case mountSource(String)
    case mountTarget(String)
    case volumeLabels
    case volumeOptions
    case hostname
}
