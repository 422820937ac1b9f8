/// What a field of Docker's types is where the engine has left it out of its answer, or has answered null.
package enum AbsentValue: Sendable {
    case pointer, list, map, text, number, flag

    var data: JSON {
        switch self {
        case .pointer: .null
        case .list: .array([])
        case .map: .object([])
        case .text: ""
        case .number: 0
        case .flag: false
        }
    }

    /// As Go writes it: lists and maps that are not there are null.
    var json: JSON {
        switch self {
        case .pointer, .list, .map: .null
        case .text, .number, .flag: data
        }
    }

    /// As Go prints it.
    var shown: String { if case .pointer = self { "<nil>" } else { TemplateValue.text(data, isNested: false) } }
}

/// Fields that Docker's types have even where an engine leaves them out: templates ask for them, as in `{{if .State.Health}}`, and get
/// nothing rather than an error.
enum AbsentFields {
    /// Objects of one of Docker's types.
    private struct Kind {
        /// Names of the fields that hold such objects.
        var holders: Set<String> = []
        /// Fields that only such objects have.
        var marks: Set<String> = []
        let fields: [String: AbsentValue]
    }

    /// Names of fields that are maps, in which what is missing has no value.
    private static let maps: Set<String> = [
        "Annotations", "Attributes", "DriverOpts", "Labels", "Networks", "Options", "StorageOpt", "Sysctls", "Tmpfs",
    ]

    /// `nil` for a field that Docker does not know either.
    ///
    /// - Parameter holder: The field that holds the object, where the template names it.
    static func value(_ name: String, of members: [JSON.Member], in holder: String?) -> AbsentValue? {
        if let holder, maps.contains(holder) { return nil }
        for kind in kinds {
            guard let value = kind.fields[name] else { continue }
            if let holder, kind.holders.contains(holder) { return value }
            if members.contains(where: { $0.name.utf8.count <= longestMark && kind.marks.contains($0.name) }) {
                return value
            }
        }
        return nil
    }

    /// Whether the field is a map of the user's own keys.
    static func isMap(_ holder: String?) -> Bool { holder.map { maps.contains($0) } ?? false }

    /// Names that are longer, which a user may have chosen, need not be looked up.
    private static let longestMark = 32

    private static func fields(
        pointers: String = "", lists: String = "", maps: String = "", texts: String = "", numbers: String = "",
        flags: String = ""
    ) -> [String: AbsentValue] {
        let groups: [(String, AbsentValue)] = [
            (pointers, .pointer), (lists, .list), (maps, .map), (texts, .text), (numbers, .number), (flags, .flag),
        ]
        let pairs = groups.flatMap { names, value in names.split(separator: " ").map { (String($0), value) } }
        return Dictionary(pairs) { first, _ in first }
    }

    private static let kinds: [Kind] = containers + swarm + others

    /// Source: moby, `api/types/container`.
    private static let containers: [Kind] = [
        Kind(
            marks: ["HostConfig"],
            fields: fields(pointers: "SizeRw SizeRootFs ImageManifestDescriptor", lists: "Args ExecIDs Mounts")),
        Kind(
            marks: ["Destination"],
            fields: fields(texts: "Driver Mode Name Propagation Source Type", flags: "RW")),
        Kind(
            holders: ["State"], marks: ["OOMKilled"],
            fields: fields(
                pointers: "Health", texts: "Error FinishedAt StartedAt Status", numbers: "ExitCode Pid",
                flags: "Dead OOMKilled Paused Restarting Running")),
        Kind(
            holders: ["HostConfig"], marks: ["LogConfig"],
            fields: fields(
                pointers: "Init MemorySwappiness OomKillDisable PidsLimit",
                lists: "Binds BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps "
                    + "BlkioWeightDevice CapAdd CapDrop DeviceCgroupRules DeviceRequests Devices Dns DnsOptions DnsSearch "
                    + "ExtraHosts GroupAdd Links MaskedPaths Mounts ReadonlyPaths SecurityOpt Ulimits VolumesFrom",
                maps: "Annotations PortBindings StorageOpt Sysctls Tmpfs",
                texts: "Cgroup CgroupParent CgroupnsMode ContainerIDFile CpusetCpus CpusetMems IpcMode Isolation "
                    + "NetworkMode PidMode Runtime UTSMode UsernsMode VolumeDriver",
                numbers: "BlkioWeight CpuCount CpuPercent CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime "
                    + "CpuShares IOMaximumBandwidth IOMaximumIOps Memory MemoryReservation MemorySwap NanoCpus "
                    + "OomScoreAdj ShmSize",
                flags: "AutoRemove Privileged PublishAllPorts ReadonlyRootfs")),
        Kind(
            holders: ["Config"], marks: ["AttachStdin"],
            fields: fields(
                pointers: "Healthcheck StopTimeout", lists: "Cmd Entrypoint Env OnBuild Shell",
                maps: "ExposedPorts Labels Volumes",
                texts: "Domainname Hostname Image MacAddress StopSignal User WorkingDir",
                flags: "ArgsEscaped AttachStderr AttachStdin AttachStdout NetworkDisabled OpenStdin StdinOnce Tty")),
        Kind(
            holders: ["NetworkSettings"], marks: ["SandboxKey"],
            fields: fields(
                maps: "Networks Ports",
                texts: "Bridge EndpointID Gateway GlobalIPv6Address IPAddress IPv6Gateway MacAddress SandboxID "
                    + "SandboxKey",
                numbers: "GlobalIPv6PrefixLen IPPrefixLen")),
        Kind(
            marks: ["EndpointID"],
            fields: fields(
                pointers: "IPAMConfig", lists: "Aliases DNSNames Links", maps: "DriverOpts",
                texts: "Gateway GlobalIPv6Address IPAddress IPv6Gateway MacAddress NetworkID",
                numbers: "GlobalIPv6PrefixLen GwPriority IPPrefixLen")),
    ]

    /// Source: moby, `api/types/swarm`.
    private static let swarm: [Kind] = [
        Kind(
            marks: ["Endpoint"], fields: fields(pointers: "JobStatus PreviousSpec ServiceStatus UpdateStatus")),
        Kind(
            marks: ["TaskTemplate"],
            fields: fields(
                pointers: "EndpointSpec RollbackConfig UpdateConfig", lists: "Networks", maps: "Labels", texts: "Name")),
        Kind(
            holders: ["Mode"], marks: ["Global", "GlobalJob", "Replicated", "ReplicatedJob"],
            fields: fields(pointers: "Global GlobalJob Replicated ReplicatedJob")),
        Kind(
            holders: ["Replicated", "ReplicatedJob"],
            fields: fields(pointers: "MaxConcurrent Replicas TotalCompletions")),
        Kind(
            holders: ["TaskTemplate"], marks: ["ContainerSpec"],
            fields: fields(
                pointers: "LogDriver NetworkAttachmentSpec Placement PluginSpec Resources RestartPolicy",
                lists: "Networks", texts: "Runtime", numbers: "ForceUpdate")),
        Kind(
            holders: ["ContainerSpec"],
            fields: fields(
                pointers: "DNSConfig Healthcheck Init Privileges StopGracePeriod",
                lists: "Args CapabilityAdd CapabilityDrop Command Configs Env Groups Hosts Mounts Secrets Ulimits",
                maps: "Labels Sysctls", texts: "Dir Hostname Image Isolation StopSignal User", numbers: "OomScoreAdj",
                flags: "OpenStdin ReadOnly TTY")),
        Kind(
            holders: ["Limits", "Reservations", "Resources"],
            fields: fields(
                pointers: "Limits Reservations", lists: "GenericResources", numbers: "MemoryBytes NanoCPUs Pids")),
        Kind(
            holders: ["Placement"],
            fields: fields(lists: "Constraints Platforms Preferences", numbers: "MaxReplicas")),
        Kind(holders: ["RestartPolicy"], fields: fields(pointers: "Delay MaxAttempts Window", texts: "Condition")),
        Kind(
            holders: ["RollbackConfig", "UpdateConfig"],
            fields: fields(texts: "FailureAction Order", numbers: "Delay MaxFailureRatio Monitor Parallelism")),
        Kind(holders: ["Endpoint", "EndpointSpec"], fields: fields(lists: "Ports VirtualIPs", texts: "Mode")),
        Kind(
            marks: ["TargetPort"], fields: fields(texts: "Name Protocol PublishMode", numbers: "PublishedPort")),
        Kind(holders: ["PortStatus"], fields: fields(lists: "Ports")),
        Kind(
            holders: ["UpdateStatus"], fields: fields(pointers: "CompletedAt StartedAt", texts: "Message State")),
        Kind(marks: ["Description"], fields: fields(pointers: "ManagerStatus")),
        Kind(holders: ["Description"], marks: ["Engine"], fields: fields(texts: "Hostname")),
        Kind(marks: ["Availability"], fields: fields(maps: "Labels", texts: "Name")),
        Kind(
            holders: ["Status"],
            fields: fields(pointers: "ContainerStatus PortStatus", texts: "Addr Err Message State")),
        Kind(holders: ["ManagerStatus"], fields: fields(texts: "Addr Reachability", flags: "Leader")),
        Kind(holders: ["ContainerStatus"], fields: fields(texts: "ContainerID", numbers: "ExitCode PID")),
        Kind(holders: ["Engine"], fields: fields(lists: "Plugins", maps: "Labels", texts: "EngineVersion")),
        Kind(
            marks: ["DesiredState"],
            fields: fields(
                pointers: "JobIteration", lists: "GenericResources NetworksAttachments", maps: "Labels",
                texts: "Name NodeID ServiceID", numbers: "Slot")),
        Kind(
            holders: ["Swarm"],
            fields: fields(pointers: "Cluster", lists: "RemoteManagers", texts: "Error", numbers: "Managers Nodes")),
    ]

    private static let others: [Kind] = [
        Kind(
            marks: ["RootFS"],
            fields: fields(
                pointers: "Config Descriptor", lists: "Manifests RepoDigests RepoTags",
                texts: "Author Comment Container DockerVersion OsVersion Parent Variant", numbers: "VirtualSize")),
        Kind(
            marks: ["IPAM"],
            fields: fields(lists: "Peers", maps: "Containers Labels Options Services", flags: "EnableIPv4 EnableIPv6")),
        Kind(holders: ["IPAM"], fields: fields(lists: "Config", maps: "Options", texts: "Driver")),
        Kind(marks: ["Subnet"], fields: fields(maps: "AuxiliaryAddresses", texts: "Gateway IPRange")),
        Kind(
            marks: ["Mountpoint"],
            fields: fields(pointers: "ClusterVolume UsageData", maps: "Labels Options Status", texts: "CreatedAt")),
        Kind(
            marks: ["timeNano"],
            fields: fields(texts: "Action From ID Scope Status Type", numbers: "Time TimeNano")),
        Kind(
            marks: ["ServerVersion"],
            fields: fields(
                pointers: "Containerd FirewallBackend",
                lists: "CDISpecDirs DefaultAddressPools DiscoveredDevices GenericResources Labels SecurityOptions "
                    + "Warnings",
                maps: "Runtimes", texts: "CgroupVersion ProductLicense")),
        Kind(
            holders: ["Client", "ClientInfo", "Server"],
            fields: fields(
                lists: "Components", texts: "BuildTime GitCommit GoVersion KernelVersion MinAPIVersion",
                flags: "Experimental")),
    ]
}
