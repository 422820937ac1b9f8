import EngineInterface
import LogDrivers
import Model
import Testing

@testable import Engine

/// What is told of lines on their way to receivers.
@Suite struct ShippingEventsTests {
    private let start = Timestamp(seconds: 1_000_000)

    private func told(_ log: EventLog, _ action: String) async -> [EngineEvent] {
        await log.recent("container", since: Timestamp(seconds: 0)).filter { $0.action == action }
    }

    @Test func `F5: lines that are dropped are an event of their container, once a minute with what was dropped since`()
        async
    {
        let log = EventLog()
        let events = ShippingEvents(events: log) { $0 == "c1" ? ["name": "web", "image": "nginx"] : [:] }
        func drop(_ id: String, _ lines: Int, after seconds: Int64) {
            let news = ShippingNews.dropped(container: id, driver: "fluentd", lines: lines, reason: "the bound")
            events.tell(news, now: start.advanced(bySeconds: seconds))
        }
        drop("c1", 5, after: 0)
        drop("c1", 7, after: 10)
        drop("c1", 0, after: 59)
        // Another container's are told by themselves; how many they are is not always known.
        drop("c2", 0, after: 59)
        var dropped = await told(log, "log-dropped")
        #expect(dropped.map(\.actorID) == ["c1", "c2"])
        #expect(
            dropped.first?.attributes == [
                "name": "web", "image": "nginx", "driver": "fluentd", "reason": "the bound", "times": "1", "lines": "5",
            ])
        #expect(dropped.last?.attributes == ["driver": "fluentd", "reason": "the bound", "times": "1"])
        drop("c1", 1, after: 60)
        dropped = await told(log, "log-dropped")
        #expect(dropped.count == 3)
        #expect(dropped.last?.attributes["lines"] == "8" && dropped.last?.attributes["times"] == "3")
    }

    @Test func `a receiver that is down, and up again, is told of each container that ships to it`() async {
        let log = EventLog()
        let events = ShippingEvents(events: log) { ["name": "name-\($0)"] }
        events.tell(.down(containers: ["a", "b"], driver: "gelf", address: "tcp://x:1", error: "connection refused"))
        events.tell(.up(containers: ["b"], driver: "gelf", address: "tcp://x:1"))
        let down = await told(log, "log-down")
        #expect(down.map(\.actorID) == ["a", "b"])
        #expect(
            down.first?.attributes == [
                "name": "name-a", "driver": "gelf", "address": "tcp://x:1", "error": "connection refused",
            ])
        let up = await told(log, "log-up")
        #expect(up.map(\.actorID) == ["b"] && up.first?.attributes["error"] == nil)
    }

    @Test func `what a removed container has left and cannot be read is told of as set aside`() async {
        let log = EventLog()
        let events = ShippingEvents(events: log) { _ in [:] }
        events.tell(.unread(UnreadRecord(type: "daemon", id: "/spool/a.unread-1", reason: "damaged")))
        let told = await log.recent("daemon", since: Timestamp(seconds: 0))
        #expect(told.map(\.action) == ["set-aside"] && told.map(\.actorID) == ["/spool/a.unread-1"])
        #expect(told.first?.attributes["reason"] == "damaged")
    }
}
