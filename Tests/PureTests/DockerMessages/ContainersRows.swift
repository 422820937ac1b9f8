import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let containers: [Row] = [
        Row(ContainerError.notFound("reference"), .notFound, "No such container: reference"),
        Row(
            ContainerError.ambiguousReference("reference"), .invalidInput,
            "Multiple IDs found with provided prefix: reference"),
        Row(
            ContainerError.invalidName("name"), .invalidInput,
            "Invalid container name (name), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
        Row(ContainerError.emptyName, .invalidInput, "Neither old nor new names may be empty"),
        Row(ContainerError.unchangedName, .invalidInput, "Renaming a container with the same name as its current name"),
        Row(
            ContainerError.nameTaken(name: "name", owner: "owner"), .conflict,
            "Conflict. The container name \"/name\" is already in use by container \"owner\". You have to remove (or rename) that container to be able to reuse that name."
        ),
        Row(ContainerError.noImageNamed, .invalidInput, "no image specified"),
        Row(ContainerError.imageGone(id: "id", image: "image"), .internalError, "container id has no image: image"),
        Row(ContainerError.notCreated(Cause(VolumeError.notFound("v"))), .invalidInput, "get v: no such volume"),
        Row(ContainerError.updatedWhileRemoved, .conflict, "container is marked for removal and cannot be \"update\""),
        Row(
            ContainerError.notUpdated(id: "id", cause: Cause(VolumeError.notFound("v"))), .internalError,
            "Cannot update container id: get v: no such volume"),
        Row(ContainerError.startedWhilePaused, .conflict, "cannot start a paused container, try unpause instead"),
        Row(ContainerError.startedWhileRemoved, .conflict, "container is marked for removal and cannot be started"),
        Row(ContainerError.alreadyRunning("id"), .notModified, "container id is already running"),
        Row(ContainerError.alreadyEnded("id"), .notModified, "container id is not running"),
        Row(
            ContainerError.belongsToTask("id"), .conflict,
            "container id is a task's: it is for the swarm to start, and not again once it has ended"),
        Row(ContainerError.notRunning("id"), .conflict, "container id is not running"),
        Row(ContainerError.alreadyPaused("id"), .conflict, "container id is already paused"),
        Row(ContainerError.notPaused("id"), .conflict, "container id is not paused"),
        Row(
            ContainerError.restarting("id"), .conflict,
            "container id is restarting, wait until the container is running"),
        Row(
            ContainerError.pausedBeforeExec("id"), .conflict,
            "container id is paused, unpause the container before exec"),
        Row(
            ContainerError.pausedBeforeAttach("id"), .conflict,
            "container id is paused, unpause the container before attach"),
        Row(
            ContainerError.removedWhileUp(name: "name", status: "status", remedy: .stop), .conflict,
            "cannot remove container \"/name\": container is status: stop the container before removing or force remove"
        ),
        Row(
            ContainerError.removedWhileUp(name: "name", status: "status", remedy: .unpauseAndStop), .conflict,
            "cannot remove container \"/name\": container is status: unpause and then stop the container before removing or force remove"
        ),
        Row(
            ContainerError.removedWhileRunning("name"), .conflict,
            "cannot remove container \"/name\": container is running"),
        Row(
            ContainerError.notKilled(reference: "reference", cause: Cause(VolumeError.notFound("v"))), .notFound,
            "Cannot kill container: reference: get v: no such volume"),
        Row(
            ContainerError.killedAfterEnd(reference: "reference", id: "id"), .conflict,
            "cannot kill container: reference: container id is not running"),
        Row(
            ContainerError.survivedKill("reference"), .internalError,
            "cannot kill container: reference: tried to kill container, but did not receive an exit event"),
        Row(ContainerError.invalidSignal("text"), .invalidInput, "Invalid signal: text"),
        Row(
            ContainerError.initMissing, .unavailable,
            "exec: \"docker-init\": executable file not found in $PATH: --init needs Debian's package tini on this node"
        ),
        Row(
            ContainerError.ownerNotRunning(shared: .network, id: "id"), .conflict,
            "cannot join network of a non running container: id"),
        Row(
            ContainerError.ownerNotRunning(shared: .processes, id: "id"), .conflict,
            "cannot join PID of a non running container: id"),
        Row(
            ContainerError.ownerRestarting(shared: .network, id: "id"), .conflict,
            "cannot join network of a restarting container: id"),
        Row(
            ContainerError.ownerRestarting(shared: .processes, id: "id"), .conflict,
            "cannot join PID of a restarting container: id"),
        Row(
            ContainerOptionError.invalidEnvironment("variable"), .invalidInput, "invalid environment variable: variable"
        ),
        Row(
            ContainerOptionError.relativeWorkingDirectory("path"), .invalidInput,
            "the working directory 'path' is invalid, it needs to be an absolute path"),
        Row(ContainerOptionError.noCommand, .invalidInput, "No command specified"),
        Row(ContainerOptionError.unknownRuntime("name"), .invalidInput, "unknown or invalid runtime name: name"),
        Row(
            ContainerOptionError.countOfOtherRestartPolicy, .invalidInput,
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"),
        Row(
            ContainerOptionError.negativeRestartCount, .invalidInput,
            "invalid restart policy: maximum retry count cannot be negative"),
        Row(
            ContainerOptionError.unknownRestartPolicy("name"), .invalidInput,
            "invalid restart policy: unknown policy 'name'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        ),
        Row(
            ContainerOptionError.restartOfTemporary, .invalidInput,
            "can't create 'AutoRemove' container with restart policy"),
        Row(
            ContainerOptionError.updatedRestartOfTemporary, .invalidInput,
            "Restart policy cannot be updated because AutoRemove is enabled for the container"),
        Row(ContainerOptionError.invalidPort("text"), .invalidInput, "invalid port specification: \"text\""),
        Row(ContainerOptionError.invalidHostAddress("text"), .invalidInput, "invalid IP address: text"),
        Row(
            ContainerOptionError.hostGatewayUnknown, .invalidInput,
            "unable to derive the IP value for host-gateway: there is no network named bridge"),
        Row(
            ContainerOptionError.shortHealthDuration("field"), .invalidInput,
            "field in Healthcheck cannot be less than 1ms"),
        Row(ContainerOptionError.negativeHealthRetries, .invalidInput, "Retries in Healthcheck cannot be negative"),
        Row(
            ContainerOptionError.conflicting(.hostnameAndNetwork), .invalidInput,
            "conflicting options: hostname and the network mode"),
        Row(
            ContainerOptionError.conflicting(.linksAndNetwork), .invalidInput,
            "conflicting options: links and the network mode"),
        Row(
            ContainerOptionError.conflicting(.nameServersAndNetwork), .invalidInput,
            "conflicting options: dns and the network mode"),
        Row(
            ContainerOptionError.conflicting(.extraHostsAndNetwork), .invalidInput,
            "conflicting options: custom host-to-IP mapping and the network mode"),
        Row(
            ContainerOptionError.conflicting(.publishedPortsAndNetwork), .invalidInput,
            "conflicting options: port publishing and the container type network mode"),
        Row(
            ContainerOptionError.conflicting(.exposedPortsAndNetwork), .invalidInput,
            "conflicting options: port exposing and the container type network mode"),
        Row(
            ContainerOptionError.conflicting(.hostnameAndUTS), .invalidInput,
            "conflicting options: hostname and the UTS mode"),
        Row(
            ContainerOptionError.conflicting(.linksAndHostNetwork), .invalidInput,
            "conflicting options: host type networking can't be used with links. This would result in undefined behavior"
        ),
        Row(
            ContainerOptionError.unknownMode(namespace: "namespace", mode: "mode"), .invalidInput,
            "invalid namespace mode: mode"),
        Row(
            ContainerOptionError.securityOptionWithoutValue("text"), .invalidInput, "invalid --security-opt 1: \"text\""
        ),
        Row(ContainerOptionError.invalidSecurityOption("text"), .invalidInput, "invalid --security-opt 2: \"text\""),
        Row(
            ContainerOptionError.unreadableSeccompProfile("reason"), .invalidInput,
            "Decoding seccomp profile failed: reason"),
        Row(
            ContainerOptionError.linkedContainerUnknown(name: "name", cause: Cause(VolumeError.notFound("v"))),
            .invalidInput, "could not get container for name: get v: no such volume"),
        Row(
            ContainerOptionError.linkedContainerNotRunning(child: "child", parent: "parent", alias: "alias"), .conflict,
            "Cannot link to a non running container: /child AS /parent/alias"),
        Row(
            ContainerOptionError.linkedContainerOffBridge("id"), .conflict,
            "container id not attached to default bridge network"),
        Row(
            ContainerOptionError.noLink, .conflict, "Conflict, cannot remove the default link name of the container"),
        Row(LimitError.littleMemory, .invalidInput, "Minimum memory limit allowed is 6MB"),
        Row(
            LimitError.swapBelowMemory, .invalidInput,
            "Minimum memoryswap limit should be larger than memory limit, see usage"),
        Row(
            LimitError.swapWithoutMemory, .invalidInput,
            "You should always set the Memory limit when using Memoryswap limit, see usage"),
        Row(
            LimitError.swappinessOutOfRange(7), .invalidInput,
            "Invalid value: 7, valid memory swappiness range is 0-100"),
        Row(LimitError.littleReservation, .invalidInput, "Minimum memory reservation allowed is 6MB"),
        Row(
            LimitError.reservationAboveMemory, .invalidInput,
            "Minimum memory limit can not be less than memory reservation limit, see usage"),
        Row(
            LimitError.periodOutOfRange, .invalidInput,
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"),
        Row(LimitError.littleQuota, .invalidInput, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        Row(LimitError.weightOutOfRange, .invalidInput, "Range of blkio weight is from 10 to 1000"),
        Row(LimitError.negativeSharedMemory, .invalidInput, "SHM size can not be less than 0"),
        Row(LimitError.scoreOutOfRange(7), .invalidInput, "Invalid value 7, range for oom score adj is [-1000, 1000]"),
        Row(
            LimitError.processorsOutOfRange(7), .invalidInput,
            "Range of CPUs is from 0.01 to 7.00, as there are only 7 CPUs available"),
        Row(
            LimitError.processorsUnsupported, .invalidInput,
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted"),
        Row(
            LimitError.processorsAndPeriod, .invalidInput,
            "Conflicting options: Nano CPUs and CPU Period cannot both be set."),
        Row(
            LimitError.processorsAfterPeriod, .invalidInput,
            "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set."),
        Row(
            LimitError.periodAfterProcessors, .invalidInput,
            "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set."),
        Row(
            LimitError.invalidProcessorSet("x"), .invalidInput, "Invalid value x for cpuset cpus: invalid format: x"),
        Row(
            LimitError.invalidMemoryNodeSet("x"), .invalidInput, "Invalid value x for cpuset mems: invalid format: x"),
        Row(
            LimitError.processorsUnavailable(requested: "99", available: "0-1"), .invalidInput,
            "Requested CPUs are not available - requested 99, available: 0-1"),
        Row(
            LimitError.memoryNodesUnavailable(requested: "9", available: "0"), .invalidInput,
            "Requested memory nodes are not available - requested 9, available: 0"),
        Row(
            LimitError.memoryAboveSwap, .invalidInput,
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"),
        Row(
            MountError.invalid(type: "type", reason: .noTarget), .invalidInput,
            "invalid mount config for type \"type\": field Target must not be empty"),
        Row(
            MountError.invalid(type: "type", reason: .noSource), .invalidInput,
            "invalid mount config for type \"type\": field Source must not be empty"),
        Row(
            MountError.invalid(type: "type", reason: .sourceGiven), .invalidInput,
            "invalid mount config for type \"type\": field Source must not be specified"),
        Row(
            MountError.invalid(type: "type", reason: .foreignOptions("field")), .invalidInput,
            "invalid mount config for type \"type\": field field must not be specified"),
        Row(
            MountError.invalid(type: "type", reason: .relativePath("path")), .invalidInput,
            "invalid mount config for type \"type\": invalid mount path: 'path' mount path must be absolute"),
        Row(
            MountError.invalid(type: "type", reason: .sourceMissing("path")), .invalidInput,
            "invalid mount config for type \"type\": bind source path does not exist: path"),
        Row(
            MountError.invalid(type: "type", reason: .unknownType("name")), .invalidInput,
            "invalid mount config for type \"type\": mount type unknown: \"name\""),
        Row(
            MountError.invalid(type: "type", reason: .unknownPropagation("mode")), .invalidInput,
            "invalid mount config for type \"type\": invalid propagation mode: mode"),
        Row(
            MountError.invalid(type: "type", reason: .writableNonRecursive), .invalidInput,
            "invalid mount config for type \"type\": mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive"
        ),
        Row(
            MountError.invalid(type: "type", reason: .writableForceRecursive), .invalidInput,
            "invalid mount config for type \"type\": mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive"
        ),
        Row(
            MountError.invalid(type: "type", reason: .nonAndForceRecursive), .invalidInput,
            "invalid mount config for type \"type\": mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive"
        ),
        Row(
            MountError.invalid(type: "type", reason: .subpathLeadsOut), .invalidInput,
            "invalid mount config for type \"type\": subpath must be a relative path within the volume"),
        Row(
            MountError.invalid(type: "type", reason: .subpathOfAnonymous), .invalidInput,
            "invalid mount config for type \"type\": must not set Subpath when using anonymous volumes"),
        Row(
            MountError.invalid(type: "type", reason: .invalidOption("text")), .invalidInput,
            "invalid mount config for type \"type\": invalid option: text"),
        Row(
            MountError.relativeTarget("path"), .invalidInput,
            "invalid mount config: invalid mount path: 'path' mount path must be absolute"),
        Row(MountError.targetIsRoot, .invalidInput, "invalid volume specification: destination can't be '/'"),
        Row(MountError.duplicateTarget("path"), .invalidInput, "Duplicate mount point: path"),
        Row(MountError.invalidText("text"), .invalidInput, "invalid volume specification: 'text'"),
        Row(
            MountError.relativeTargetInText(text: "text", type: "type", path: "path"), .invalidInput,
            "invalid volume specification: 'text': invalid mount config for type \"type\": invalid mount path: 'path' mount path must be absolute"
        ),
        Row(
            MountError.unknownModeInText(text: "text", mode: "mode"), .invalidInput,
            "invalid volume specification: 'text': invalid mode: mode"),
        Row(MountError.unknownMode("text"), .invalidInput, "invalid mode: text"),
    ]
}
