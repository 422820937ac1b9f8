package import Faults

/// What a container's life and name do not allow.
package enum ContainerError: Fault, Equatable {
    case notFound(String)
    case ambiguousReference(String)
    case invalidName(String)
    case emptyName
    case unchangedName
    case nameTaken(name: String, owner: String)
    case noImageNamed
    case imageGone(id: String, image: String)
    case notCreated(Cause)
    case updatedWhileRemoved
    case notUpdated(id: String, cause: Cause)
    case startedWhilePaused
    case startedWhileRemoved
    case alreadyRunning(String)
    case alreadyEnded(String)
    case belongsToTask(String)
    case notRunning(String)
    case alreadyPaused(String)
    case notPaused(String)
    case restarting(String)
    case pausedBeforeExec(String)
    case pausedBeforeAttach(String)
    case removedWhileUp(name: String, status: String, remedy: StopRemedy)
    case removedWhileRunning(String)
    case notKilled(reference: String, cause: Cause)
    case killedAfterEnd(reference: String, id: String)
    case survivedKill(String)
    case invalidSignal(String)
    case initMissing
    case ownerNotRunning(shared: SharedNamespace, id: String)
    case ownerRestarting(shared: SharedNamespace, id: String)

    package var kind: FaultKind {
        switch self {
        case .notKilled(_, let cause): cause.kind
        case .notFound: .notFound
        case .ambiguousReference, .invalidName, .emptyName, .unchangedName, .noImageNamed, .notCreated, .invalidSignal:
            .invalidInput
        case .nameTaken, .updatedWhileRemoved, .startedWhilePaused, .startedWhileRemoved, .belongsToTask, .notRunning,
            .alreadyPaused, .notPaused, .restarting, .pausedBeforeExec, .pausedBeforeAttach, .removedWhileUp,
            .removedWhileRunning, .killedAfterEnd, .ownerNotRunning, .ownerRestarting:
            .conflict
        case .imageGone, .notUpdated, .survivedKill: .internalError
        case .alreadyRunning, .alreadyEnded: .notModified
        case .initMissing: .unavailable
        }
    }
}

/// What has to happen to a container before it can be removed.
package enum StopRemedy: Sendable, Equatable {
    case stop
    case unpauseAndStop
}

/// What one container has of another.
package enum SharedNamespace: Sendable, Equatable {
    case network
    case processes
}

/// Options of a new or an updated container that make no sense.
package enum ContainerOptionError: Fault, Equatable {
    case invalidEnvironment(String)
    case relativeWorkingDirectory(String)
    case noCommand
    case unknownRuntime(String)
    case countOfOtherRestartPolicy
    case negativeRestartCount
    case unknownRestartPolicy(String)
    case restartOfTemporary
    case updatedRestartOfTemporary
    case invalidPort(String)
    case invalidHostAddress(String)
    case hostGatewayUnknown
    case shortHealthDuration(String)
    case negativeHealthRetries
    case conflicting(OptionConflict)
    case unknownMode(namespace: String, mode: String)
    case securityOptionWithoutValue(String)
    case invalidSecurityOption(String)
    case unreadableSeccompProfile(String)
    case linkedContainerUnknown(name: String, cause: Cause)
    case linkedContainerNotRunning(child: String, parent: String, alias: String)
    case linkedContainerOffBridge(String)
    /// What is to be unlinked is a container by its own name or id.
    case noLink

    package var kind: FaultKind {
        switch self {
        case .invalidEnvironment, .relativeWorkingDirectory, .noCommand, .unknownRuntime, .countOfOtherRestartPolicy,
            .negativeRestartCount, .unknownRestartPolicy, .restartOfTemporary, .updatedRestartOfTemporary, .invalidPort,
            .invalidHostAddress, .hostGatewayUnknown, .shortHealthDuration, .negativeHealthRetries,
            .conflicting, .unknownMode, .securityOptionWithoutValue, .invalidSecurityOption, .unreadableSeccompProfile,
            .linkedContainerUnknown:
            .invalidInput
        case .linkedContainerNotRunning, .linkedContainerOffBridge, .noLink: .conflict
        }
    }
}

/// Options that another one has decided already.
package enum OptionConflict: Sendable, Equatable {
    case hostnameAndNetwork
    case linksAndNetwork
    case nameServersAndNetwork
    case extraHostsAndNetwork
    case publishedPortsAndNetwork
    case exposedPortsAndNetwork
    case hostnameAndUTS
    case linksAndHostNetwork
}

/// Limits of a container that contradict each other, the kernel or the machine.
package enum LimitError: Fault, Equatable {
    case littleMemory
    case swapBelowMemory
    case swapWithoutMemory
    case swappinessOutOfRange(Int64)
    case littleReservation
    case reservationAboveMemory
    case periodOutOfRange
    case littleQuota
    case weightOutOfRange
    case negativeSharedMemory
    case scoreOutOfRange(Int)
    case processorsOutOfRange(Int)
    case processorsAndPeriod
    /// The node's control groups have no quota of processors' time.
    case processorsUnsupported
    case processorsAfterPeriod
    case periodAfterProcessors
    case memoryAboveSwap
    case invalidProcessorSet(String)
    case invalidMemoryNodeSet(String)
    /// With the node's own list.
    case processorsUnavailable(requested: String, available: String)
    case memoryNodesUnavailable(requested: String, available: String)

    package var kind: FaultKind { .invalidInput }
}

/// Mounts of a container that cannot be.
package enum MountError: Fault, Equatable {
    case invalid(type: String, reason: InvalidMountReason)
    case relativeTarget(String)
    case targetIsRoot
    case duplicateTarget(String)
    case invalidText(String)
    case relativeTargetInText(text: String, type: String, path: String)
    case unknownModeInText(text: String, mode: String)
    case unknownMode(String)

    package var kind: FaultKind { .invalidInput }
}

/// What is wrong with a mount of a certain type.
package enum InvalidMountReason: Sendable, Equatable {
    case noTarget
    case noSource
    case sourceGiven
    case foreignOptions(String)
    case relativePath(String)
    case sourceMissing(String)
    case unknownType(String)
    case unknownPropagation(String)
    case writableNonRecursive
    case writableForceRecursive
    case nonAndForceRecursive
    case subpathLeadsOut
    case subpathOfAnonymous
    case invalidOption(String)
}
