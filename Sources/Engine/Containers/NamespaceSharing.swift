import EngineInterface
import Faults
import Model

/// What a container shares with another one: `--network container:NAME`, `--pid container:NAME`. Pure.
struct NamespaceSharing {
    static let prefix = "container:"

    /// The container in `container:X`.
    static func owner(in mode: String) -> String? {
        mode.hasPrefix(prefix) ? String(mode.dropFirst(prefix.count)) : nil
    }

    /// - Throws: ``ContainerError``, ``ContainerOptionError`` for options that another container's network has decided already, and for modes
    ///   that there are not. Source: moby, `runconfig/hostconfig_unix.go`.
    static func check(_ asked: ContainerConfiguration, _ host: HostConfiguration) throws {
        func refuse(_ conflict: OptionConflict, if isAsked: Bool) throws {
            if isAsked { throw ContainerOptionError.conflicting(conflict) }
        }
        if owner(in: host.networkMode) != nil {
            try refuse(.hostnameAndNetwork, if: !asked.hostname.isEmpty)
            try refuse(.linksAndNetwork, if: !(host.links ?? []).isEmpty)
            try refuse(.nameServersAndNetwork, if: !(host.nameServers ?? []).isEmpty)
            try refuse(.extraHostsAndNetwork, if: !(host.extraHosts ?? []).isEmpty)
            try refuse(
                .publishedPortsAndNetwork,
                if: !(host.portBindings ?? [:]).isEmpty || host.publishAllPorts)
            try refuse(.exposedPortsAndNetwork, if: !(asked.exposedPorts ?? [:]).isEmpty)
        }
        try refuse(.hostnameAndUTS, if: host.utsMode == "host" && !asked.hostname.isEmpty)
        try check(host.pidMode, of: "PID", ["", "host"])
        try check(host.ipcMode, of: "IPC", ["", "none", "private", "shareable", "host"])
        try check(host.utsMode, of: "UTS", ["", "host"])
        try check(host.cgroupnsMode, of: "cgroup namespace", ["", "private", "host"])
    }

    private static func check(_ mode: String, of kind: String, _ known: Set<String>) throws {
        if known.contains(mode) { return }
        if ["PID", "IPC"].contains(kind), let owner = owner(in: mode), !owner.isEmpty { return }
        throw ContainerOptionError.unknownMode(namespace: kind, mode: mode)
    }
}

extension ContainerRecord {
    /// The container whose network this one is in.
    var networkOwner: String? { NamespaceSharing.owner(in: hostConfig.networkMode) }
    var pidOwner: String? { NamespaceSharing.owner(in: hostConfig.pidMode) }
}

/// Finds the containers that others share namespaces with.
struct NamespaceOwners {
    private let containers: ContainerTable

    init(_ containers: ContainerTable) { self.containers = containers }

    /// Names the containers that a new one shares namespaces with by their ids, as names may change hands. One that is not there yet
    /// is looked for again at the start.
    func resolve(_ record: inout ContainerRecord) throws {
        do {
            try resolveOwners(&record)
        } catch let refusal as any Fault where refusal.kind == .notFound {}
    }

    /// Brings to its start a container whose namespaces' owners were not known when it was made.
    /// - Throws: `.notFound` with `No such container: X`.
    func resolveLate(_ id: String) async throws {
        guard var record = containers.record(id) else { return }
        let owners = [record.networkOwner, record.pidOwner].compactMap { $0 }
        guard owners.contains(where: { containers.record($0) == nil }) else { return }
        try resolveOwners(&record)
        let resolved = record
        try await containers.update(id) { record in
            record.hostConfig = resolved.hostConfig
            record.configuration = resolved.configuration
        }
    }

    private func resolveOwners(_ record: inout ContainerRecord) throws {
        if let owner = record.networkOwner {
            let found = try containers.find(owner)
            record.hostConfig.networkMode = NamespaceSharing.prefix + found.id
            // Programs look their own name up in the owner's /etc/hosts.
            record.configuration.hostname = found.configuration.hostname
            record.configuration.domainname = found.configuration.domainname
        }
        if let owner = record.pidOwner {
            record.hostConfig.pidMode = NamespaceSharing.prefix + (try containers.find(owner).id)
        }
    }

    /// The container that has the network which this one is in: itself, unless it shares another's.
    /// - Throws: `.conflict` when the owner does not run.
    func network(of record: ContainerRecord) throws -> ContainerRecord {
        guard let owner = record.networkOwner else { return record }
        return try network(of: try running(owner, for: .network))
    }

    /// The namespace file of the container whose processes this one sees; `nil` when it has its own.
    func processNamespace(of record: ContainerRecord) throws -> String? {
        guard let owner = record.pidOwner else { return nil }
        return "/proc/\(try running(owner, for: .processes).processID)/ns/pid"
    }

    private func running(_ id: String, for shared: SharedNamespace) throws -> ContainerRecord {
        let record = try containers.find(id)
        guard record.isRunning else {
            throw ContainerError.ownerNotRunning(shared: shared, id: record.id)
        }
        guard record.isUp else {
            throw ContainerError.ownerRestarting(shared: shared, id: record.id)
        }
        return record
    }
}
