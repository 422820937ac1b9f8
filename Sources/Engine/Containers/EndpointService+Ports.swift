import Concurrency
import DataPlane
import EngineInterface
import Model

/// What containers publish: worked out of their records, at each start and whenever the way out may be another one.
extension EndpointService {
    /// Why ports are looked at.
    enum PortOccasion {
        /// All that is asked for is had, or nothing.
        case start
        /// The same, but for what is asked for in families that the container has left, or has yet to join.
        case connection
        /// What cannot be had is left out: nobody is kept in a network by it.
        case disconnection
    }

    /// Takes what a container publishes by its ways out, gives back what it has beside, and puts on record what there is. Where nothing is otherwise
    /// nothing is written.
    /// - Throws: ``PortError`` when a port is taken; then nothing has changed. ``ContainerOptionError`` and ``UnsupportedError`` for what cannot be
    ///   published.
    @discardableResult
    func takePorts(_ id: String, _ occasion: PortOccasion) async throws -> ContainerRecord {
        guard let record = containers.record(id) else { throw ContainerError.notFound(id) }
        let ways = PortWays(of: record) { self.local.network($0) }
        let wanted = try PortRequests(record).wanted(ways, isLax: occasion != .start)
        if wanted.requests.isEmpty, wanted.routed.isEmpty, record.publishedPorts.isEmpty { return record }
        let held = try await ports.exchange(
            wanted.requests, owner: id, endpoint: (record.name, ways.endpointID), isLax: occasion == .disconnection)
        let published = held.map(\.published) + wanted.routed
        guard published != record.publishedPorts else { return record }
        return try await containers.update(id) { $0.publishedPorts = published }
    }

    /// The same for a container that runs, whose ports would else be held again as they were by a refresh that has begun meanwhile.
    @discardableResult
    func renewPorts(_ id: String, _ occasion: PortOccasion) async throws -> ContainerRecord {
        try await network.betweenRefreshes { try await takePorts(id, occasion) }
    }

    /// Brings to its end what a daemon that was killed had begun: ports that follow a way out which is on record already.
    func finishPorts(of id: String) async throws {
        try await containers.lock.run(id) {
            guard let before = containers.record(id), before.isUp else { return }
            let after = try await renewPorts(id, .connection)
            if after.publishedPorts != before.publishedPorts { try await network.refresh() }
        }
    }
}
