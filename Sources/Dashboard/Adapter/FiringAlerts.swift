import Concurrency
package import EngineInterface
package import Logging
import Model
import ServiceLifecycle
import Synchronization

/// The alerts that fire, as the events tell that every manager has.
package final class FiringAlerts: ServiceLifecycle.Service {
    /// How far back is looked at the start, in seconds: as far as a leader does.
    private static let memory: Int64 = 7 * 86_400
    /// A leader fires no more at once.
    private static let most = 1000
    private static let pause: Duration = .seconds(5)

    private let system: any SystemBackend
    private let logger: Logger
    private let firing = Mutex<[String: AlertView]>([:])

    package init(system: any SystemBackend, logger: Logger) {
        self.logger = logger
        self.system = system
    }

    var views: [AlertView] { firing.withLock { Array($0.values) } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                while true {
                    var query = EventQuery(
                        Filters(["type": [LoggedEvent.alertType], "scope": [EventQuery.clusterScope, "swarm"]]))
                    query.since = Timestamp.now.advanced(bySeconds: -Self.memory)
                    do {
                        for await told in try await self.system.events(query) { self.take(told.event) }
                    } catch {
                        self.logger.warning("the dashboard is not told of alerts", metadata: ["error": "\(error)"])
                    }
                    // A reader that has fallen behind begins anew.
                    try await Task.sleep(for: Self.pause)
                }
            } catch {
                // Cancelled: the daemon ends.
            }
        }
    }

    func take(_ event: EngineEvent) {
        guard event.type == LoggedEvent.alertType else { return }
        firing.withLock { firing in
            guard event.action == "firing", firing.count < Self.most || firing[event.actorID] != nil else {
                firing[event.actorID] = nil
                return
            }
            firing[event.actorID] = AlertView(event)
        }
    }
}

extension AlertView {
    fileprivate init(_ event: EngineEvent) {
        self.init(id: event.actorID)
        rule = event.attributes["name"] ?? ""
        severity = event.attributes["severity"] ?? "warning"
        text = event.attributes["summary"] ?? ""
        since = event.attributes["startsAt"].flatMap { Timestamp($0) }?.milliseconds ?? event.time.milliseconds
        for kind in AlertMetric.subjects {
            guard let id = event.attributes["\(kind).id"] else { continue }
            (self.kind, subject) = (kind, id)
            return
        }
        kind = "cluster"
    }
}
