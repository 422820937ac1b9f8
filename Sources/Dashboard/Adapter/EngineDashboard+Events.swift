import Concurrency
import EngineInterface
import Model

// Events of this node's engine, unless somebody keeps those of all nodes.
extension EngineDashboard {
    package func events(_ window: DashboardWindow, limit: Int) async throws -> [EventView] {
        if let events = extras.events { return try await events(window, limit) }
        let stream = try await sources.system.events(
            since: Timestamp(milliseconds: window.from),
            until: Timestamp(milliseconds: min(window.to, Timestamp.now.milliseconds)),
            Filters())
        var found: [EventView] = []
        for await event in stream where !EventView.isNoise(event) {
            found.append(EventView(event))
            if found.count > limit * 2 { found.removeFirst(found.count - limit) }
        }
        return Array(found.suffix(limit))
    }

    package func newEvents(after: String?) async throws -> AsyncStream<EventView> {
        if let newEvents = extras.newEvents { return try await newEvents(after) }
        let stream = try await sources.system.events(
            since: after.flatMap { Timestamp($0) }?.advanced(byNanoseconds: 1), until: nil, Filters())
        let (views, continuation) = AsyncStream.makeStream(of: EventView.self, bufferingPolicy: .bufferingNewest(512))
        let tasks = OwnedTasks()
        continuation.onTermination = { _ in tasks.cancel() }
        tasks.begin {
            for await event in stream where !EventView.isNoise(event) { continuation.yield(EventView(event)) }
            continuation.finish()
        }
        return views
    }
}

extension EventView {
    /// What health checks and sessions do all the time.
    static func isNoise(_ event: EngineEvent) -> Bool {
        event.type == "container"
            && (event.action.hasPrefix("exec_") || ["top", "attach", "resize", "archive-path"].contains(event.action))
    }

    init(_ event: EngineEvent) {
        self.init(time: event.time.milliseconds, type: event.type, action: event.action, id: event.actorID)
        cursor = event.time.fixedWidth
        name = event.attributes["name"] ?? ""
        service = event.attributes["com.docker.swarm.service.id"] ?? (event.type == "service" ? event.actorID : nil)
        task = event.attributes["com.docker.swarm.task.id"]
        node = event.attributes["com.docker.swarm.node.id"] ?? (event.type == "node" ? event.actorID : nil)
        for key in [
            "exitCode", "image", "reason", "signal", "network", "container", "state.new", "state.old", "user",
            "summary", "outcome",
        ] {
            attributes[key] = event.attributes[key]
        }
    }
}
