import Addressing
import Concurrency
import LocalStore
import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model

/// Coming up, with whatever an earlier life of the daemon has left, and running until told to stop.
extension NodeEngine {
    /// Reads what is on record, takes over what runs and brings everything else to what it is to be.
    /// The engine answers requests correctly only afterwards.
    func adopt() async throws {
        try await containers.load()
        try await volumes.load()
        try await networks.load(routed: try await routedSubnets())
        networks.resume(
            after: containers.all.sorted { $0.state.startedAt < $1.state.startedAt }.flatMap(\.endpoints).compactMap {
                endpoint in endpoint.address.map { (endpoint.networkID, $0.address) }
            })
        if let place = try await store.load(SwarmPlace.self, kind: .node, id: SwarmPlace.key) { try await take(place) }
        try await adoptProcesses()
        try await volumes.adopt(containers.all.filter(\.isUp).map { ($0.id, $0.mounts.compactMap(\.name)) })
        try await SubpathMounts(directory: paths.subpaths).sweep()
        try await dropStaleAttachments()
        try await network.adopt()
        try await sweepRoots()
        for record in containers.all { workbench.begin { await self.resume(record.id) } }
    }

    /// Finds for each container whether its process still runs; what is on record follows.
    private func adoptProcesses() async throws {
        for record in containers.all where record.isRunning || record.isStarting {
            let isAlive = record.state.restarting || record.isStarting ? false : try await takeOver(record)
            if isAlive {
                // Whoever asked for a restart has gone with the earlier daemon.
                if record.isBeingRestarted != nil {
                    try await containers.update(record.id) { $0.isBeingRestarted = nil }
                }
                continue
            }
            if record.isStarting {
                try await discardProcess(record.id)
                try await containers.update(record.id) { record in
                    record.leaveNetworks()
                    record.publishedPorts = []
                    record.isStarting = false
                    record.state.running = false
                    record.state.pid = 0
                }
            }
        }
        try await sweepProcesses(keeping: Set(containers.all.filter(\.isRunning).map(\.id)))
    }

    /// Goes on with a container where the earlier life of the daemon left off.
    private func resume(_ id: String) async {
        do {
            guard let record = containers.record(id) else { return }
            if record.isBeingRemoved {
                try await serializer.run(id) { try await destroy(id, removeVolumes: record.hostConfig.autoRemove) }
            } else if record.hostConfig.autoRemove, record.task == nil, !record.isRunning,
                record.state.startedAt != .zero
            {
                // Its end was settled, or the machine went down with it, and nobody removed it.
                await removeEnded(id)
            } else if record.state.restarting {
                await restartAfterAdoption(id)
            } else if record.isRunning {
                await watch(id)
            } else if record.task == nil, record.isWanted || shouldStartWithDaemon(record) {
                // Whether a task's container runs is for the task's own runner to say, which may have seen its end.
                try await serializer.run(id) {
                    try await containers.update(id) { $0.isWanted = true }
                    try await bringUp(id)
                }
            } else {
                try await unmountRoot(id)
            }
        } catch is CancellationError {
            // The daemon stops again.
        } catch {
            log.error("a container was not resumed", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    private func restartAfterAdoption(_ id: String) async {
        do {
            try await serializer.run(id) {
                try await containers.update(id) { record in
                    record.state.running = false
                    record.state.restarting = false
                }
                try await bringUp(id)
            }
        } catch {
            log.warning("a container could not be restarted", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    private func shouldStartWithDaemon(_ record: ContainerRecord) -> Bool {
        guard record.task == nil, record.state.startedAt != .zero else { return false }
        switch record.hostConfig.restartPolicy.name {
        case "always": return true
        case "unless-stopped": return !record.isStoppedByUser
        default: return false
        }
    }
}
