import Concurrency
import LogDrivers
import Model
import Synchronization

/// Tells what happens to containers' lines on their way to receivers, as events of the containers: `log-down`, `log-up`, `log-dropped`.
/// What removed containers have left and cannot be read is told of as `set-aside`.
final class ShippingEvents: Sendable {
    /// Of lines that are dropped of one container an event is told so often, in seconds; what is dropped in between is in the next one.
    private static let pauseOfDrops = 60.0
    /// Of so many containers it is known what has been told; for one more the one is forgotten of which lines were dropped longest ago.
    private static let mostKnown = 10_000

    private struct Drops {
        var told: Timestamp
        var lines = 0
        var times = 0
    }

    private let events: EventLog
    private let attributes: @Sendable (String) -> [String: String]
    private let drops = Mutex(BoundedTable<String, Drops>(most: ShippingEvents.mostKnown))

    /// - Parameter attributes: What events say of a container, by its id; nothing of one that is gone.
    init(events: EventLog, attributes: @escaping @Sendable (String) -> [String: String]) {
        self.attributes = attributes
        self.events = events
    }

    func tell(_ news: ShippingNews, now: Timestamp = .now) {
        switch news {
        case .down(let ids, let driver, let address, let error):
            for id in ids { publish("log-down", id, ["driver": driver, "address": address, "error": error]) }
        case .up(let ids, let driver, let address):
            for id in ids { publish("log-up", id, ["driver": driver, "address": address]) }
        case .dropped(let id, let driver, let lines, let reason):
            guard let due = note(lines, of: id, now) else { return }
            var attributes = ["driver": driver, "reason": reason, "times": "\(due.times)"]
            if due.lines > 0 { attributes["lines"] = "\(due.lines)" }
            publish("log-dropped", id, attributes)
        case .unread(let record): events.publish(record.event(scope: "local"))
        }
    }

    /// What is to be told of a container now, if anything is.
    private func note(_ lines: Int, of id: String, _ now: Timestamp) -> Drops? {
        drops.withLock { drops in
            var known = drops[id] ?? Drops(told: Timestamp(seconds: 0))
            known.lines += lines
            known.times += 1
            let isDue = now.timeSince(known.told) >= Self.pauseOfDrops
            drops[id] = isDue ? Drops(told: now) : known
            return isDue ? known : nil
        }
    }

    private func publish(_ action: String, _ id: String, _ more: [String: String]) {
        events.publish("container", action, id, attributes(id).merging(more) { $1 })
    }
}
