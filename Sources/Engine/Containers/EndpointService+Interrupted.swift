import Concurrency
import EngineInterface
import Faults
import LinuxSystem

/// What a daemon that was killed has begun.
extension EndpointService {
    /// Gives running containers their places in the networks that their records name and that they have not joined: whoever connected them was
    /// never answered. A place that cannot be had is given up, as it would have been then.
    ///
    /// Those that were being taken out need no more here than that their ports follow: their records do not name the network any more.
    func finishConnections() async {
        for record in containers.all {
            guard record.isUp, !record.isOnHostNetwork, record.networkOwner == nil else { continue }
            do {
                if record.endpoints.contains(where: { !$0.isJoined }) { try await finishConnections(of: record.id) }
                if record.publishes || !record.publishedPorts.isEmpty { try await finishPorts(of: record.id) }
            } catch {
                network.reportUnfinished(record.id, error)
            }
        }
    }

    private func finishConnections(of id: String) async throws {
        try await containers.lock.run(id) {
            guard let before = containers.record(id), before.isUp, before.endpoints.contains(where: { !$0.isJoined })
            else { return }
            let joined = Set(before.endpoints.filter(\.isJoined).map(\.networkName))
            do {
                try await files.renew(from: before, to: try await joinRunning(id))
            } catch {
                try await uncancelled { [self] in
                    try await drop(id) { !joined.contains($0.networkName) }
                    try await renewPorts(id, .disconnection)
                    try await network.refresh()
                }
                throw error
            }
        }
    }
}
