import Concurrency
import ContainerRuntime
package import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Logging
package import Model

/// Making and removing containers.
extension NodeEngine {
    package func createContainer(
        name: String?, platform: String?, _ request: ContainerCreateRequest
    ) async throws -> (id: String, warnings: [String]) {
        let record = try await makeContainer(name: name, platform: platform, request) { _ in }
        return (record.id, [])
    }

    /// Creates a container whose record `complete` has the last word on.
    func makeContainer(
        name: String?, platform: String? = nil, _ request: ContainerCreateRequest,
        complete: (inout ContainerRecord) throws -> Void
    ) async throws -> ContainerRecord {
        if let name, !ContainerNames.isValid(name) {
            throw APIError(
                .invalidInput,
                "Invalid container name (\(name)), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
        }
        if request.configuration.image.isEmpty { throw APIError(.invalidInput, "no image specified") }
        let image = try await imageDefaults(request.configuration.image, platform: platform)
        let id = RandomID.docker()
        let name = try reserveName(name)
        // What is made on the way, and must not stay if the container does not come about.
        var mounted: [MountPoint] = []
        var held: [String] = []
        defer { volumes.release(held) }
        do {
            let planner = ContainerPlanner(
                image: image, cpuCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)), cgroupVersion: runtime.cgroups.version,
                runtimes: runtimeVersions.map(\.name))
            var record = try planner.plan(request, id: id, name: name, at: .now)
            try resolveSharing(&record)
            try resolveLinks(&record)
            let inherited = try inheritedMounts(record.hostConfig)
            hold(inherited.compactMap(\.point.name), &held)
            let mounts = try MountPlan(
                record.configuration, record.hostConfig, inherited: Set(inherited.map(\.point.destination)),
                leavesSubmountsWritable: request.leavesSubmountsWritable)
            try await resolveNetworks(&record)
            try await prepareMounts(mounts, &mounted, &held)
            record.mounts = mounted
            let own = Set(record.mounts.map(\.destination))
            var details: [String: ContainerRecord.MountDetails] = [:]
            for (point, detail) in inherited where !own.contains(point.destination) {
                record.mounts.append(point)
                details[point.destination] = detail
            }
            for entry in mounts.entries { details[entry.target] = entry.details }
            details = details.filter { $0.value != ContainerRecord.MountDetails() }
            if !details.isEmpty { record.mountDetails = details }
            try complete(&record)
            try await makeRoot(record)
            try await containers.insert(record)
            events.publish("container", "create", id, record.eventAttributes)
            return record
        } catch {
            containers.release(name)
            abandon(id, mounted)
            throw Self.blame(error)
        }
    }

    /// That something is missing which a request names is the request's fault. Only a missing image may be told as not found: clients take
    /// that answer for it, and ask a registry for the image.
    private static func blame(_ error: any Error) -> any Error {
        guard let fault = error as? any Fault, fault.kind == .notFound else { return error }
        return APIError(.invalidInput, "\(fault)")
    }

    /// Takes back what was made for a container that did not come about. Not in the caller's task: that may be cancelled.
    private func abandon(_ id: String, _ mounts: [MountPoint]) {
        workbench.begin { [self] in
            do {
                try await removeRoot(id)
                try await removeAnonymousVolumes(mounts, of: id)
            } catch {
                log.warning(
                    "something is left of a container that was not made",
                    metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
            }
        }
    }

    /// Keeps volumes for a container that is being made.
    private func hold(_ names: [String], _ held: inout [String]) {
        volumes.hold(names)
        held += names
    }

    private func reserveName(_ wanted: String?) throws -> String {
        if let wanted {
            let name = wanted.hasPrefix("/") ? String(wanted.dropFirst()) : wanted
            try containers.reserve(name)
            return name
        }
        for _ in 0..<Self.nameTries {
            let name = ContainerNames.random()
            do {
                try containers.reserve(name)
                return name
            } catch { continue }  // Taken: another one is tried.
        }
        let name = "apus_\(RandomID.hex(bytes: 6))"
        try containers.reserve(name)
        return name
    }

    /// How many random names are tried before one with a random number is taken.
    private static let nameTries = 8

    /// Creates what the mounts need on the host and says how they will be shown.
    /// - Parameter held: Gets the names of the volumes, which are held.
    private func prepareMounts(_ plan: MountPlan, _ points: inout [MountPoint], _ held: inout [String]) async throws {
        for entry in plan.entries {
            var point = MountPoint()
            point.destination = entry.target
            point.mode = entry.mode
            point.rw = !entry.isReadOnly
            switch entry.source {
            case .bind(let path, let createIfMissing):
                try await onThread {
                    if Files.exists(path) { return }
                    // Nobody wants a directory where a daemon is to put its socket: it could not.
                    guard createIfMissing, !path.hasSuffix(".sock") else {
                        throw APIError(
                            .invalidInput,
                            "invalid mount config for type \"bind\": bind source path does not exist: \(path)")
                    }
                    try Files.makeDirectories(path, mode: 0o755)
                }
                point.type = "bind"
                point.source = path
                point.propagation = entry.propagation.isEmpty ? "rprivate" : entry.propagation
            case .volume(let name):
                var request = VolumeRequest()
                request.name = name ?? RandomID.docker()
                request.driver = entry.driver
                request.driverOpts = entry.driverOptions
                request.labels = entry.labels
                hold([request.name], &held)
                if name == nil {
                    request.labels = (entry.labels ?? [:]).merging(["com.docker.volume.anonymous": ""]) { old, _ in old
                    }
                }
                let volume = try await volumes.create(request)
                point.type = "volume"
                point.name = volume.name
                point.driver = "local"
                point.source = volume.mountpoint
                point.mode = entry.mode.isEmpty ? "z" : entry.mode
                if !entry.copiesImageContent { point.mode += point.mode.isEmpty ? "nocopy" : ",nocopy" }
            case .tmpfs(let options):
                point.type = "tmpfs"
                point.mode = options
            }
            points.append(point)
        }
    }

    package func removeContainer(_ reference: String, force: Bool, removeVolumes: Bool) async throws {
        let id = try containers.find(reference).id
        try await serializer.run(id) {
            guard let record = containers.record(id) else {
                throw APIError(.notFound, "No such container: \(reference)")
            }
            if record.isRunning {
                guard force else {
                    let hint = record.state.paused ? "Unpause and then stop" : "Stop"
                    throw APIError(
                        .conflict,
                        "cannot remove container \"/\(record.name)\": container is \(record.state.status): \(hint.lowercased()) the container before "
                            + "removing or force remove")
                }
                try await containers.update(id) {
                    $0.isStoppedByUser = true; $0.isWanted = false
                }
                try await endProcess(record)
            }
            try await destroy(id, removeVolumes: removeVolumes)
        }
    }

    /// Takes away everything of an ended container. Whatever a crash leaves of it is taken up at the next start.
    func destroy(_ id: String, removeVolumes: Bool) async throws {
        let record = try await containers.update(id) { record in
            record.isBeingRemoved = true
            record.state.status = "removing"
        }
        try await discardProcess(id)
        // An end has given them up already: going over the networks again would cost a start or an end of others its time.
        let holdsSome = record.endpoints.contains { $0.isJoined || $0.attachmentID != nil }
        if record.isStarting || !record.publishedPorts.isEmpty || holdsSome {
            _ = try await releaseNetworks(id)
        }
        network.forget(id)
        try await removeRoot(id)
        if removeVolumes { try await removeAnonymousVolumes(record.mounts, of: id) }
        let files = paths.files(of: id)
        try await onThread { try Files.removeTree(files) }
        try await containers.remove(id)
        execs.forget(containerID: id)
        events.publish("container", "destroy", id, record.eventAttributes)
        waiters.removed(id, ExitResult(statusCode: record.state.exitCode))
    }

    package func pruneContainers(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64) {
        let wanted = try PruneFilters(filters, now: .now)
        var removed: [String] = []
        var reclaimed: Int64 = 0
        for record in containers.all where !record.isRunning && !record.isStarting {
            guard wanted.match(labels: record.configuration.labels ?? [:], created: record.created) else { continue }
            do {
                let bytes = try await writtenBytes(record)
                try await removeContainer(record.id, force: false, removeVolumes: false)
                removed.append(record.id)
                reclaimed += bytes
            } catch let refusal as APIError where refusal.kind == .conflict || refusal.kind == .notFound {
                continue  // Started or removed meanwhile.
            }
        }
        events.publish("container", "prune", "", ["reclaimed": String(reclaimed)])
        return (removed, reclaimed)
    }

    package func renameContainer(_ reference: String, to name: String) async throws {
        let record = try containers.find(reference)
        let name = name.hasPrefix("/") ? String(name.dropFirst()) : name
        guard !name.isEmpty else { throw APIError(.invalidInput, "Neither old nor new names may be empty") }
        guard ContainerNames.isValid(name) else {
            throw APIError(
                .invalidInput, "Invalid container name (\(name)), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
        }
        if record.name == name {
            throw APIError(.invalidInput, "Renaming a container with the same name as its current name")
        }
        try containers.reserve(name)
        let old = record.name
        let renamed: ContainerRecord
        do { renamed = try await containers.update(record.id, durably: true) { $0.name = name } } catch {
            // Removed meanwhile: the name is free again.
            containers.release(name)
            throw error
        }
        var attributes = renamed.eventAttributes
        attributes["oldName"] = "/" + old
        events.publish("container", "rename", record.id, attributes)
        holders.signal(renamed.endpoints.compactMap(\.attachmentID))
        try await network.refresh()
    }
}
