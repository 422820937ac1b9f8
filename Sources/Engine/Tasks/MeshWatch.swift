import Addressing
import Concurrency
import DockerMessages
import Faults
import Logging
import Model

/// Knows whether the swarm's ingress network can work on this node. The node tries it when it learns the network's numbers, as it joins and at each
/// start, and again and again as long as it cannot. What it finds is told by `docker info`, by the log and by events:
/// `docker events --filter type=network --filter event=mesh-ill`.
final class MeshWatch: Sendable {
    typealias Ingress = SwarmNetworks.Ingress

    private struct Finding: Sendable {
        let ingress: Ingress
        let trouble: IngressTrouble
    }

    private let ingress: ObservableValue<Ingress?>
    private let trying: @Sendable (Ingress) async throws -> IngressTrouble?
    /// Between two tries, while it cannot work.
    private let pause: Duration
    private let events: EventLog
    private let log: Logger
    private let found = ObservableValue<Finding?>(nil)

    /// - Parameter trying: Says why this node cannot have the network; `nil` where it can.
    init(
        _ ingress: ObservableValue<Ingress?>, pause: Duration = .seconds(30), events: EventLog, log: Logger,
        trying: @escaping @Sendable (Ingress) async throws -> IngressTrouble?
    ) {
        self.events = events
        self.ingress = ingress
        self.log = log
        self.pause = pause
        self.trying = trying
    }

    /// In words for a user; empty when all is well or nothing is known.
    var warnings: [String] {
        guard let found = found.value else { return [] }
        let reason = DockerMessage.text(of: found.trouble)
        return ["WARNING: ports of the routing mesh do not work on this node with \(found.ingress.subnet): \(reason)"]
    }

    /// Until cancelled.
    func run() async throws {
        var tried: Ingress?
        while true {
            tried = try await ingress.wait { [tried] now -> Ingress?? in now == tried ? nil : .some(now) }
            // Of a network that is no more nothing is told.
            if found.value != nil { found.set(nil) }
            guard let tried else { continue }
            while ingress.value == tried {
                let trouble = try await look(tried)
                take(trouble, of: tried)
                guard trouble != nil else { break }
                try await Task.sleep(for: pause)
            }
        }
    }

    private func look(_ ingress: Ingress) async throws -> IngressTrouble? {
        do { return try await trying(ingress) } catch let error as any Fault {
            // That it cannot be tried says nothing of the network.
            log.warning(
                "whether the ingress network works on this node could not be tried",
                metadata: ["subnet": "\(ingress.subnet)", "error": "\(error)"])
            return nil
        }
    }

    private func take(_ trouble: IngressTrouble?, of ingress: Ingress) {
        let former = found.value?.trouble
        guard trouble != former else { return }
        found.set(trouble.map { Finding(ingress: ingress, trouble: $0) })
        var attributes = ["name": ingress.name, "subnet": ingress.subnet.description]
        guard let trouble else {
            log.notice("ports of the routing mesh work on this node again", metadata: ["subnet": "\(ingress.subnet)"])
            return events.publish("network", "mesh-well", ingress.id, attributes)
        }
        let reason = DockerMessage.text(of: trouble)
        attributes["reason"] = reason
        log.error(
            "ports of the routing mesh do not work on this node",
            metadata: ["subnet": "\(ingress.subnet)", "reason": "\(reason)"])
        events.publish("network", "mesh-ill", ingress.id, attributes)
    }
}
