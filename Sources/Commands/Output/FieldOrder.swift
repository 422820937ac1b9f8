package import Templates

/// The order of fields in which docker's client writes services and nodes: that of its own types, whatever the engine's was, as it reads
/// these into types of its own. Source: moby, `api/types/swarm`.
package enum FieldOrder {
    /// By the name of the field that holds them, the empty one for the whole; no two objects of a name have fields in contrary order. Of
    /// others, labels and options among them, the order stays.
    private static let byHolder: [String: [String]] = {
        let spec = [
            "Name", "Labels", "Role", "Availability", "TaskTemplate", "Mode", "UpdateConfig", "RollbackConfig",
            "Networks", "EndpointSpec", "Ports",
        ]
        let update = ["Parallelism", "Delay", "FailureAction", "Monitor", "MaxFailureRatio", "Order"]
        let amounts = ["NanoCPUs", "MemoryBytes", "Pids", "GenericResources", "Limits", "Reservations"]
        return [
            "": [
                "ID", "Version", "CreatedAt", "UpdatedAt", "Spec", "PreviousSpec", "Description", "Endpoint", "Status",
                "ManagerStatus", "UpdateStatus", "ServiceStatus", "JobStatus",
            ],
            "Spec": spec, "PreviousSpec": spec, "EndpointSpec": ["Mode", "Ports"],
            "TaskTemplate": [
                "ContainerSpec", "PluginSpec", "NetworkAttachmentSpec", "Resources", "RestartPolicy", "Placement",
                "Networks", "LogDriver", "ForceUpdate", "Runtime",
            ],
            "ContainerSpec": [
                "Image", "Labels", "Command", "Args", "Hostname", "Env", "Dir", "User", "Groups", "Privileges", "Init",
                "StopSignal", "TTY", "OpenStdin", "ReadOnly", "Mounts", "StopGracePeriod", "Healthcheck", "Hosts",
                "DNSConfig", "Secrets", "Configs", "Isolation", "Sysctls", "CapabilityAdd", "CapabilityDrop",
                "Ulimits", "OomScoreAdj",
            ],
            "Mounts": [
                "Type", "Source", "Target", "ReadOnly", "Consistency", "BindOptions", "VolumeOptions", "ImageOptions",
                "TmpfsOptions",
            ],
            "BindOptions": [
                "Propagation", "NonRecursive", "CreateMountpoint", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive",
            ],
            "VolumeOptions": ["NoCopy", "Labels", "Subpath", "DriverConfig"], "TmpfsOptions": ["SizeBytes", "Mode"],
            "Healthcheck": ["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"],
            "DNSConfig": ["Nameservers", "Search", "Options"], "Ulimits": ["Name", "Hard", "Soft"],
            "Resources": amounts, "Limits": amounts, "Reservations": amounts,
            "RestartPolicy": ["Condition", "Delay", "MaxAttempts", "Window"],
            "Placement": ["Constraints", "Preferences", "MaxReplicas", "Platforms"],
            "Platforms": ["Architecture", "OS"], "Platform": ["Architecture", "OS"],
            "Networks": ["Target", "Aliases", "DriverOpts"], "LogDriver": ["Name", "Options"],
            "Mode": ["Replicated", "Global", "ReplicatedJob", "GlobalJob"],
            "ReplicatedJob": ["MaxConcurrent", "TotalCompletions"],
            "UpdateConfig": update, "RollbackConfig": update,
            "Endpoint": ["Spec", "Ports", "VirtualIPs"],
            "Ports": ["Name", "Protocol", "TargetPort", "PublishedPort", "PublishMode"],
            "VirtualIPs": ["NetworkID", "Addr"],
            "UpdateStatus": ["State", "StartedAt", "CompletedAt", "Message"],
            "ServiceStatus": ["RunningTasks", "DesiredTasks", "CompletedTasks"],
            "JobStatus": ["JobIteration", "LastExecution"],
            "Description": ["Hostname", "Platform", "Resources", "Engine", "TLSInfo"],
            "Engine": ["EngineVersion", "Labels", "Plugins"], "Plugins": ["Type", "Name"],
            "TLSInfo": ["TrustRoot", "CertIssuerSubject", "CertIssuerPublicKey"],
            "Status": ["State", "Message", "Addr"], "ManagerStatus": ["Leader", "Reachability", "Addr"],
        ]
    }()

    /// A service or a node with its fields in that order, those that docker does not have after the others.
    package static func applied(to value: JSON, in holder: String = "") -> JSON {
        switch value {
        case .array(let elements): return .array(elements.map { applied(to: $0, in: holder) })
        case .object(let members):
            guard let order = byHolder[holder] else { return value }
            let known = order.compactMap { name in members.first { $0.name == name } }
            let others = members.filter { !order.contains($0.name) }
            return .object((known + others).map { JSON.Member($0.name, applied(to: $0.value, in: $0.name)) })
        case .null, .bool, .number, .string: return value
        }
    }
}
