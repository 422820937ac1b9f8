import EngineInterface

extension ContainerError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let reference):
            "No such container: \(reference)"
        case .ambiguousReference(let reference):
            "Multiple IDs found with provided prefix: \(reference)"
        case .invalidName(let name):
            "Invalid container name (\(name)), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        case .emptyName:
            "Neither old nor new names may be empty"
        case .unchangedName:
            "Renaming a container with the same name as its current name"
        case .nameTaken(let name, let owner):
            "Conflict. The container name \"/\(name)\" is already in use by container \"\(owner)\". You have to remove (or rename) that container to be able to reuse that name."
        case .noImageNamed:
            "no image specified"
        case .imageGone(let id, let image):
            "container \(id) has no image: \(image)"
        case .notCreated(let cause):
            cause.message
        case .updatedWhileRemoved:
            "container is marked for removal and cannot be \"update\""
        case .notUpdated(let id, let cause):
            "Cannot update container \(id): \(cause.message)"
        case .startedWhilePaused:
            "cannot start a paused container, try unpause instead"
        case .startedWhileRemoved:
            "container is marked for removal and cannot be started"
        case .alreadyRunning(let id):
            "container \(id) is already running"
        case .alreadyEnded(let id):
            "container \(id) is not running"
        case .belongsToTask(let id):
            "container \(id) is a task's: it is for the swarm to start, and not again once it has ended"
        case .notRunning(let id):
            "container \(id) is not running"
        case .alreadyPaused(let id):
            "container \(id) is already paused"
        case .notPaused(let id):
            "container \(id) is not paused"
        case .restarting(let id):
            "container \(id) is restarting, wait until the container is running"
        case .pausedBeforeExec(let id):
            "container \(id) is paused, unpause the container before exec"
        case .pausedBeforeAttach(let id):
            "container \(id) is paused, unpause the container before attach"
        case .removedWhileUp(let name, let status, let remedy):
            "cannot remove container \"/\(name)\": container is \(status): \(remedy.message) the container before removing or force remove"
        case .removedWhileRunning(let name):
            "cannot remove container \"/\(name)\": container is running"
        case .notKilled(let reference, let cause):
            "Cannot kill container: \(reference): \(cause.message)"
        case .killedAfterEnd(let reference, let id):
            "cannot kill container: \(reference): container \(id) is not running"
        case .survivedKill(let reference):
            "cannot kill container: \(reference): tried to kill container, but did not receive an exit event"
        case .invalidSignal(let text):
            "Invalid signal: \(text)"
        case .initMissing:
            "exec: \"docker-init\": executable file not found in $PATH: --init needs Debian's package tini on this node"
        case .ownerNotRunning(let shared, let id):
            "cannot join \(shared.message) of a non running container: \(id)"
        case .ownerRestarting(let shared, let id):
            "cannot join \(shared.message) of a restarting container: \(id)"
        }
    }
}

extension StopRemedy: MessageConvertible {
    var message: String {
        switch self {
        case .stop:
            "stop"
        case .unpauseAndStop:
            "unpause and then stop"
        }
    }
}

extension SharedNamespace: MessageConvertible {
    var message: String {
        switch self {
        case .network:
            "network"
        case .processes:
            "PID"
        }
    }
}

extension ContainerOptionError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidEnvironment(let variable):
            "invalid environment variable: \(variable)"
        case .relativeWorkingDirectory(let path):
            "the working directory '\(path)' is invalid, it needs to be an absolute path"
        case .noCommand:
            "No command specified"
        case .unknownRuntime(let name):
            "unknown or invalid runtime name: \(name)"
        case .countOfOtherRestartPolicy:
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
        case .negativeRestartCount:
            "invalid restart policy: maximum retry count cannot be negative"
        case .unknownRestartPolicy(let name):
            "invalid restart policy: unknown policy '\(name)'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        case .restartOfTemporary:
            "can't create 'AutoRemove' container with restart policy"
        case .updatedRestartOfTemporary:
            "Restart policy cannot be updated because AutoRemove is enabled for the container"
        case .invalidPort(let text):
            "invalid port specification: \"\(text)\""
        case .invalidHostAddress(let text):
            "invalid IP address: \(text)"
        case .hostGatewayUnknown:
            "unable to derive the IP value for host-gateway: there is no network named bridge"
        case .shortHealthDuration(let field):
            "\(field) in Healthcheck cannot be less than 1ms"
        case .negativeHealthRetries:
            "Retries in Healthcheck cannot be negative"
        case .conflicting(let options):
            "conflicting options: \(options.message)"
        case .unknownMode(let namespace, let mode):
            "invalid \(namespace) mode: \(mode)"
        case .securityOptionWithoutValue(let text):
            "invalid --security-opt 1: \"\(text)\""
        case .invalidSecurityOption(let text):
            "invalid --security-opt 2: \"\(text)\""
        case .unreadableSeccompProfile(let reason):
            "Decoding seccomp profile failed: \(reason)"
        case .linkedContainerUnknown(let name, let cause):
            "could not get container for \(name): \(cause.message)"
        case .linkedContainerNotRunning(let child, let parent, let alias):
            "Cannot link to a non running container: /\(child) AS /\(parent)/\(alias)"
        case .linkedContainerOffBridge(let id):
            "container \(id) not attached to default bridge network"
        case .noLink:
            "Conflict, cannot remove the default link name of the container"
        }
    }
}

extension OptionConflict: MessageConvertible {
    var message: String {
        switch self {
        case .hostnameAndNetwork:
            "hostname and the network mode"
        case .linksAndNetwork:
            "links and the network mode"
        case .nameServersAndNetwork:
            "dns and the network mode"
        case .extraHostsAndNetwork:
            "custom host-to-IP mapping and the network mode"
        case .publishedPortsAndNetwork:
            "port publishing and the container type network mode"
        case .exposedPortsAndNetwork:
            "port exposing and the container type network mode"
        case .hostnameAndUTS:
            "hostname and the UTS mode"
        case .linksAndHostNetwork:
            "host type networking can't be used with links. This would result in undefined behavior"
        }
    }
}

extension LimitError: MessageConvertible {
    var message: String {
        switch self {
        case .littleMemory:
            "Minimum memory limit allowed is 6MB"
        case .invalidProcessorSet(let text):
            "Invalid value \(text) for cpuset cpus: invalid format: \(text)"
        case .invalidMemoryNodeSet(let text):
            "Invalid value \(text) for cpuset mems: invalid format: \(text)"
        case .processorsUnavailable(let requested, let available):
            "Requested CPUs are not available - requested \(requested), available: \(available)"
        case .memoryNodesUnavailable(let requested, let available):
            "Requested memory nodes are not available - requested \(requested), available: \(available)"
        case .swapBelowMemory:
            "Minimum memoryswap limit should be larger than memory limit, see usage"
        case .swapWithoutMemory:
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        case .swappinessOutOfRange(let value):
            "Invalid value: \(value), valid memory swappiness range is 0-100"
        case .littleReservation:
            "Minimum memory reservation allowed is 6MB"
        case .reservationAboveMemory:
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        case .periodOutOfRange:
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        case .littleQuota:
            "CPU cfs quota can not be less than 1ms (i.e. 1000)"
        case .weightOutOfRange:
            "Range of blkio weight is from 10 to 1000"
        case .negativeSharedMemory:
            "SHM size can not be less than 0"
        case .scoreOutOfRange(let value):
            "Invalid value \(value), range for oom score adj is [-1000, 1000]"
        case .processorsOutOfRange(let present):
            "Range of CPUs is from 0.01 to \(present).00, as there are only \(present) CPUs available"
        case .processorsUnsupported:
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted"
        case .processorsAndPeriod:
            "Conflicting options: Nano CPUs and CPU Period cannot both be set."
        case .processorsAfterPeriod:
            "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set."
        case .periodAfterProcessors:
            "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set."
        case .memoryAboveSwap:
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        }
    }
}

extension MountError: MessageConvertible {
    var message: String {
        switch self {
        case .invalid(let type, let reason):
            "invalid mount config for type \"\(type)\": \(reason.message)"
        case .relativeTarget(let path):
            "invalid mount config: invalid mount path: '\(path)' mount path must be absolute"
        case .targetIsRoot:
            "invalid volume specification: destination can't be '/'"
        case .duplicateTarget(let path):
            "Duplicate mount point: \(path)"
        case .invalidText(let text):
            "invalid volume specification: '\(text)'"
        case .relativeTargetInText(let text, let type, let path):
            "invalid volume specification: '\(text)': invalid mount config for type \"\(type)\": invalid mount path: '\(path)' mount path must be absolute"
        case .unknownModeInText(let text, let mode):
            "invalid volume specification: '\(text)': invalid mode: \(mode)"
        case .unknownMode(let text):
            "invalid mode: \(text)"
        }
    }
}

extension InvalidMountReason: MessageConvertible {
    var message: String {
        switch self {
        case .noTarget:
            "field Target must not be empty"
        case .noSource:
            "field Source must not be empty"
        case .sourceGiven:
            "field Source must not be specified"
        case .foreignOptions(let field):
            "field \(field) must not be specified"
        case .relativePath(let path):
            "invalid mount path: '\(path)' mount path must be absolute"
        case .sourceMissing(let path):
            "bind source path does not exist: \(path)"
        case .unknownType(let name):
            "mount type unknown: \"\(name)\""
        case .unknownPropagation(let mode):
            "invalid propagation mode: \(mode)"
        case .writableNonRecursive:
            "mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive"
        case .writableForceRecursive:
            "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive"
        case .nonAndForceRecursive:
            "mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive"
        case .subpathLeadsOut:
            "subpath must be a relative path within the volume"
        case .subpathOfAnonymous:
            "must not set Subpath when using anonymous volumes"
        case .invalidOption(let text):
            "invalid option: \(text)"
        }
    }
}
