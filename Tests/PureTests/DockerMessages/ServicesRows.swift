import Faults
import EngineInterface
import Model

@testable import DockerMessages

extension SentenceTests {
    static let services: [Row] = [
        Row(PrivilegeError.noSeccompProfile, .invalidInput, "custom seccomp profile must be specified"),
        Row(PrivilegeError.unknownSeccompMode, .invalidInput, "invalid seccomp mode"),
        Row(
            ServiceError.invalidName, .invalidInput,
            "rpc error: code = InvalidArgument desc = name must be valid as a DNS name component"),
        Row(
            ServiceError.longName, .invalidInput,
            "rpc error: code = InvalidArgument desc = name must be 63 characters or fewer"),
        Row(
            ServiceError.renamed, .notImplemented,
            "rpc error: code = Unimplemented desc = renaming services is not supported"),
        Row(
            ServiceError.nameTaken("name"), .conflict,
            "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service name already exists"
        ),
        Row(ServiceError.networkNotFound("reference"), .notFound, "network reference not found"),
        Row(
            ServiceError.noIngress, .invalidInput,
            "rpc error: code = FailedPrecondition desc = service needs ingress network, but no ingress network is present"
        ),
        Row(
            ServiceError.ingressNamed("network"), .invalidInput,
            "rpc error: code = InvalidArgument desc = Service cannot be explicitly attached to the ingress network \"network\""
        ),
        Row(
            ServiceError.invalidPublishing("text"), .invalidInput,
            "rpc error: code = InvalidArgument desc = EndpointSpec: invalid publishing option: text"),
        Row(
            ServiceError.foreignAddress("text"), .invalidInput,
            "rpc error: code = InvalidArgument desc = EndpointSpec: no node has the address text"),
        Row(
            ServiceError.meshOnlyPublishing, .invalidInput,
            "rpc error: code = InvalidArgument desc = EndpointSpec: local and affinity are options of ports published with ingress mode"
        ),
        Row(
            ServiceError.proxyProtocol(label: "text"), .notImplemented,
            "rpc error: code = Unimplemented desc = EndpointSpec: label text: apus has no PROXY protocol, as a task sees its client's address without it"
        ),
        Row(ServiceError.unknownEndpointMode("text"), .invalidInput, "invalid resolution mode: \"text\""),
        Row(
            ServiceError.invalidPort, .invalidInput,
            "rpc error: code = InvalidArgument desc = invalid port specification"),
        Row(
            ServiceError.ingressPortOfRoundRobin, .invalidInput,
            "rpc error: code = InvalidArgument desc = EndpointSpec: port published with ingress mode can't be used with dnsrr mode"
        ),
        Row(
            ServiceError.combinedNetwork("host"), .invalidInput,
            "rpc error: code = InvalidArgument desc = network host cannot be combined with other networks of a service"),
        Row(
            ServiceError.meshPortInNetwork("host"), .invalidInput,
            "rpc error: code = InvalidArgument desc = a service in network host cannot publish ports with ingress mode"),
        Row(
            ServiceError.hostPortInSealedNetwork("inner"), .invalidInput,
            "rpc error: code = InvalidArgument desc = network inner is sealed (apus.sealed): ports can be published with ingress mode only"
        ),
        Row(
            ServiceError.localPortInSealedNetwork("inner"), .invalidInput,
            "rpc error: code = InvalidArgument desc = network inner is sealed (apus.sealed): ports cannot be published for a node's own tasks only"
        ),
        Row(
            ServiceError.duplicatePort, .invalidInput,
            "rpc error: code = InvalidArgument desc = EndpointSpec: duplicate published ports provided"),
        Row(
            ServiceError.portTaken(port: 7, name: "name", id: "id", publishing: .ingress), .invalidInput,
            "rpc error: code = InvalidArgument desc = port '7' is already in use by service 'name' (id) as an ingress port"
        ),
        Row(
            ServiceError.portTaken(port: 7, name: "name", id: "id", publishing: .host), .invalidInput,
            "rpc error: code = InvalidArgument desc = port '7' is already in use by service 'name' (id) as a host-published port"
        ),
        Row(ServiceError.severalModes, .invalidInput, "must specify only one service mode"),
        Row(
            ServiceError.negativeReplicas, .invalidInput,
            "rpc error: code = InvalidArgument desc = Number of replicas must be non-negative"),
        Row(
            ServiceError.modeChanged, .notImplemented,
            "rpc error: code = Unimplemented desc = service mode change is not allowed"),
        Row(
            ServiceError.rolloutOfJob(.update), .invalidInput,
            "rpc error: code = InvalidArgument desc = Jobs may not have an update config"),
        Row(
            ServiceError.rolloutOfJob(.rollback), .invalidInput,
            "rpc error: code = InvalidArgument desc = Jobs may not have a rollback config"),
        Row(
            ServiceError.perNodeMaximumOfGlobal, .invalidInput,
            "rpc error: code = InvalidArgument desc = replicas-max-per-node can only be used with replicated services"),
        Row(
            ServiceError.unknownFailureAction("action"), .invalidInput, "unrecognized update failure action action"),
        Row(ServiceError.unknownOrder("order"), .invalidInput, "unrecognized update order order"),
        Row(
            ServiceError.negativeDelay(.update), .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: update-delay cannot be negative"),
        Row(
            ServiceError.negativeDelay(.rollback), .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: rollback-delay cannot be negative"),
        Row(
            ServiceError.negativeMonitor(.update), .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: update-monitor cannot be negative"),
        Row(
            ServiceError.negativeMonitor(.rollback), .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: rollback-monitor cannot be negative"),
        Row(
            ServiceError.failureRatioOutOfRange(.update), .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1"
        ),
        Row(
            ServiceError.failureRatioOutOfRange(.rollback), .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: rollback-maxfailureratio cannot be less than 0 or bigger than 1"
        ),
        Row(
            ServiceError.noPreviousSpec("id"), .invalidInput,
            "rpc error: code = FailedPrecondition desc = service id does not have a previous spec"),
        Row(ServiceError.noPreviousCredentials, .invalidInput, "service does not have a previous spec"),
        Row(
            ConstraintError.noOperator, .internalError,
            "rpc error: code = Unknown desc = constraint expected one operator from ==, !="),
        Row(
            ConstraintError.invalidKey("text"), .internalError,
            "rpc error: code = Unknown desc = key 'text' is invalid"),
        Row(
            ConstraintError.invalidValue("text"), .internalError,
            "rpc error: code = Unknown desc = value 'text' is invalid"),
        Row(TaskSpecError.mismatchedRuntime, .invalidInput, "mismatched Runtime and *Spec fields"),
        Row(TaskSpecError.unsupportedRuntime, .invalidInput, "unsupported runtime"),
        Row(
            TaskSpecError.shortHealthDuration("Timeout"), .invalidInput,
            "rpc error: code = InvalidArgument desc = ContainerSpec: Timeout in HealthConfig cannot be less than 1ms"),
        Row(
            TaskSpecError.negativeHealthRetries, .invalidInput,
            "rpc error: code = InvalidArgument desc = ContainerSpec: Retries in HealthConfig cannot be negative"),
        Row(
            TaskSpecError.littleCPU(0.5), .invalidInput,
            "rpc error: code = InvalidArgument desc = invalid cpu value 0.5: Must be at least 0.001"),
        Row(
            TaskSpecError.littleCPU(-1), .invalidInput,
            "rpc error: code = InvalidArgument desc = invalid cpu value -1: Must be at least 0.001"),
        Row(
            TaskSpecError.littleMemory(7), .invalidInput,
            "rpc error: code = InvalidArgument desc = invalid memory value 7: Must be at least 4MiB"),
        Row(TaskSpecError.unknownRestartCondition("text"), .invalidInput, "invalid RestartCondition: \"text\""),
        Row(
            TaskSpecError.negativeRestartDelay, .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: restart-delay cannot be negative"),
        Row(
            TaskSpecError.negativeRestartWindow, .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: restart-window cannot be negative"),
        Row(
            TaskSpecError.preferenceNotSpread, .invalidInput,
            "rpc error: code = InvalidArgument desc = TaskSpec: a placement preference must be a spread"),
        Row(
            TaskSpecError.noImage, .invalidInput,
            "rpc error: code = InvalidArgument desc = ContainerSpec: image reference must be provided"),
        Row(
            TaskSpecError.invalidImage("a b"), .invalidInput,
            "rpc error: code = InvalidArgument desc = ContainerSpec: \"a b\" is not a valid repository/tag"),
        Row(
            TaskSpecError.negativeStopGrace, .invalidInput,
            "rpc error: code = InvalidArgument desc = ContainerSpec: stop-grace-period cannot be negative"),
        Row(TaskSpecError.unknownMountType("text"), .invalidInput, "invalid MountType: \"text\""),
        Row(TaskSpecError.unknownMountPropagation("text"), .invalidInput, "invalid MountPropagation: \"text\""),
        Row(TaskSpecError.unknownMountConsistency("text"), .invalidInput, "invalid MountConsistency: \"text\""),
        Row(
            TaskSpecError.relativeMountTarget("path"), .invalidInput,
            "invalid mount target, must be an absolute path: path"),
        Row(
            TaskSpecError.duplicateMountTarget("path"), .invalidInput,
            "rpc error: code = InvalidArgument desc = ContainerSpec: duplicate mount point: path"),
        Row(
            TaskSpecError.invalidTemplate(place: .environment("text"), reason: "reason"), .invalidInput,
            "rpc error: code = InvalidArgument desc = expanding env failed: expanding env \"text\": reason"),
        Row(
            TaskSpecError.invalidTemplate(place: .mountSource("text"), reason: "reason"), .invalidInput,
            "rpc error: code = InvalidArgument desc = expanding mounts failed: expanding mount source \"text\": reason"),
        Row(
            TaskSpecError.invalidTemplate(place: .mountTarget("text"), reason: "reason"), .invalidInput,
            "rpc error: code = InvalidArgument desc = expanding mounts failed: expanding mount target \"text\": reason"),
        Row(
            TaskSpecError.invalidTemplate(place: .volumeLabels, reason: "reason"), .invalidInput,
            "rpc error: code = InvalidArgument desc = expanding mounts failed: expanding volume labels: reason"),
        Row(
            TaskSpecError.invalidTemplate(place: .volumeOptions, reason: "reason"), .invalidInput,
            "rpc error: code = InvalidArgument desc = expanding mounts failed: expanding volume driver options: reason"),
        Row(
            TaskSpecError.invalidTemplate(place: .hostname, reason: "reason"), .invalidInput,
            "rpc error: code = InvalidArgument desc = expanding hostname failed: reason"),
    ]
}
