import EngineInterface
import Model
import Templates

extension PrivilegeError: MessageConvertible {
    var message: String {
        switch self {
        case .noSeccompProfile:
            "custom seccomp profile must be specified"
        case .unknownSeccompMode:
            "invalid seccomp mode"
        }
    }
}

extension ServiceError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidName:
            "rpc error: code = InvalidArgument desc = name must be valid as a DNS name component"
        case .longName:
            "rpc error: code = InvalidArgument desc = name must be 63 characters or fewer"
        case .renamed:
            "rpc error: code = Unimplemented desc = renaming services is not supported"
        case .nameTaken(let name):
            "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service \(name) already exists"
        case .networkNotFound(let reference):
            "network \(reference) not found"
        case .ingressNamed(let network):
            "rpc error: code = InvalidArgument desc = Service cannot be explicitly attached to the ingress network \"\(network)\""
        case .noIngress:
            "rpc error: code = FailedPrecondition desc = service needs ingress network, but no ingress network is present"
        case .unknownEndpointMode(let text):
            "invalid resolution mode: \(GoText.quoted(text))"
        case .invalidPort:
            "rpc error: code = InvalidArgument desc = invalid port specification"
        case .ingressPortOfRoundRobin:
            "rpc error: code = InvalidArgument desc = EndpointSpec: port published with ingress mode can't be used with dnsrr mode"
        case .combinedNetwork(let network):
            "rpc error: code = InvalidArgument desc = network \(network) cannot be combined with other networks of a service"
        case .meshPortInNetwork(let network):
            "rpc error: code = InvalidArgument desc = a service in network \(network) cannot publish ports with ingress mode"
        case .hostPortInSealedNetwork(let network):
            "rpc error: code = InvalidArgument desc = network \(network) is sealed (apus.sealed): ports can be published with ingress mode only"
        case .localPortInSealedNetwork(let network):
            "rpc error: code = InvalidArgument desc = network \(network) is sealed (apus.sealed): ports cannot be published for a node's own tasks only"
        case .duplicatePort:
            "rpc error: code = InvalidArgument desc = EndpointSpec: duplicate published ports provided"
        case .portTaken(let port, let name, let id, let publishing):
            "rpc error: code = InvalidArgument desc = port '\(port)' is already in use by service '\(name)' (\(id)) as \(publishing.message) port"
        case .severalModes:
            "must specify only one service mode"
        case .negativeReplicas:
            "rpc error: code = InvalidArgument desc = Number of replicas must be non-negative"
        case .modeChanged:
            "rpc error: code = Unimplemented desc = service mode change is not allowed"
        case .rolloutOfJob(.update):
            "rpc error: code = InvalidArgument desc = Jobs may not have an update config"
        case .rolloutOfJob(.rollback):
            "rpc error: code = InvalidArgument desc = Jobs may not have a rollback config"
        case .perNodeMaximumOfGlobal:
            "rpc error: code = InvalidArgument desc = replicas-max-per-node can only be used with replicated services"
        // Docker calls those of rollbacks the same.
        case .unknownFailureAction(let action):
            "unrecognized update failure action \(action)"
        case .unknownOrder(let order):
            "unrecognized update order \(order)"
        case .negativeDelay(let rollout):
            "rpc error: code = InvalidArgument desc = TaskSpec: \(rollout.message)-delay cannot be negative"
        case .negativeMonitor(let rollout):
            "rpc error: code = InvalidArgument desc = TaskSpec: \(rollout.message)-monitor cannot be negative"
        case .failureRatioOutOfRange(let rollout):
            "rpc error: code = InvalidArgument desc = TaskSpec: \(rollout.message)-maxfailureratio cannot be less than 0 or bigger than 1"
        case .noPreviousSpec(let id):
            "rpc error: code = FailedPrecondition desc = service \(id) does not have a previous spec"
        case .noPreviousCredentials:
            "service does not have a previous spec"
        case .invalidPublishing(let text):
            "rpc error: code = InvalidArgument desc = EndpointSpec: invalid publishing option: \(text)"
        case .foreignAddress(let text):
            "rpc error: code = InvalidArgument desc = EndpointSpec: no node has the address \(text)"
        case .meshOnlyPublishing:
            "rpc error: code = InvalidArgument desc = EndpointSpec: local and affinity are options of ports published with ingress mode"
        case .proxyProtocol(let label):
            "rpc error: code = Unimplemented desc = EndpointSpec: label \(label): apus has no PROXY protocol, as a task sees its client's address without it"
        }
    }
}

extension PortPublishing: MessageConvertible {
    var message: String {
        switch self {
        case .ingress:
            "an ingress"
        case .host:
            "a host-published"
        }
    }
}

extension ServiceRollout: MessageConvertible {
    var message: String {
        switch self {
        case .update:
            "update"
        case .rollback:
            "rollback"
        }
    }
}

extension TaskSpecError: MessageConvertible {
    /// As Go's `%g` has it: whole numbers without a point.
    private static func shortest(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    var message: String {
        switch self {
        case .mismatchedRuntime:
            "mismatched Runtime and *Spec fields"
        case .unsupportedRuntime:
            "unsupported runtime"
        case .littleCPU(let cores):
            "rpc error: code = InvalidArgument desc = invalid cpu value \(Self.shortest(cores)): Must be at least 0.001"
        case .littleMemory(let bytes):
            "rpc error: code = InvalidArgument desc = invalid memory value \(bytes): Must be at least 4MiB"
        case .unknownRestartCondition(let text):
            "invalid RestartCondition: \"\(text)\""
        case .negativeRestartDelay:
            "rpc error: code = InvalidArgument desc = TaskSpec: restart-delay cannot be negative"
        case .negativeRestartWindow:
            "rpc error: code = InvalidArgument desc = TaskSpec: restart-window cannot be negative"
        case .preferenceNotSpread:
            "rpc error: code = InvalidArgument desc = TaskSpec: a placement preference must be a spread"
        case .noImage:
            "rpc error: code = InvalidArgument desc = ContainerSpec: image reference must be provided"
        case .invalidImage(let text):
            "rpc error: code = InvalidArgument desc = ContainerSpec: \(GoText.quoted(text)) is not a valid repository/tag"
        case .negativeStopGrace:
            "rpc error: code = InvalidArgument desc = ContainerSpec: stop-grace-period cannot be negative"
        case .shortHealthDuration(let name):
            "rpc error: code = InvalidArgument desc = ContainerSpec: \(name) in HealthConfig cannot be less than 1ms"
        case .negativeHealthRetries:
            "rpc error: code = InvalidArgument desc = ContainerSpec: Retries in HealthConfig cannot be negative"
        case .unknownMountType(let text):
            "invalid MountType: \(GoText.quoted(text))"
        case .unknownMountPropagation(let text):
            "invalid MountPropagation: \(GoText.quoted(text))"
        case .unknownMountConsistency(let text):
            "invalid MountConsistency: \(GoText.quoted(text))"
        case .relativeMountTarget(let path):
            "invalid mount target, must be an absolute path: \(path)"
        case .duplicateMountTarget(let path):
            "rpc error: code = InvalidArgument desc = ContainerSpec: duplicate mount point: \(path)"
        case .invalidTemplate(let place, let reason):
            "rpc error: code = InvalidArgument desc = expanding \(place.message): \(reason)"
        }
    }
}

extension ConstraintError: MessageConvertible {
    var message: String {
        switch self {
        case .noOperator:
            "rpc error: code = Unknown desc = constraint expected one operator from ==, !="
        case .invalidKey(let text):
            "rpc error: code = Unknown desc = key '\(text)' is invalid"
        case .invalidValue(let text):
            "rpc error: code = Unknown desc = value '\(text)' is invalid"
        }
    }
}

extension TemplatePlace: MessageConvertible {
    var message: String {
        switch self {
        case .environment(let text):
            "env failed: expanding env \"\(text)\""
        case .mountSource(let text):
            "mounts failed: expanding mount source \"\(text)\""
        case .mountTarget(let text):
            "mounts failed: expanding mount target \"\(text)\""
        case .volumeLabels:
            "mounts failed: expanding volume labels"
        case .volumeOptions:
            "mounts failed: expanding volume driver options"
        case .hostname:
            "hostname failed"
        }
    }
}
