import EngineInterface
import Model

// Events as every manager is told of them: of all nodes, and of the swarm.
extension EngineDashboard {
    package func events(_ window: DashboardWindow, limit: Int) async throws -> DashboardEventPage {
        var query = Self.ofCluster
        query.since = Timestamp(milliseconds: window.from)
        query.until = Timestamp(milliseconds: min(window.to, Timestamp.now.milliseconds))
        var page = DashboardEventPage()
        for await told in try await sources.system.events(query) where !EventView.isNoise(told.event) {
            page.events.append(EventView(told))
            // Not for each one: what is dropped moves all the others.
            if page.events.count > limit * 2 { page.keep(limit) }
        }
        page.keep(limit)
        return page
    }

    package func followEvents(after: String?, _ take: @escaping @Sendable (EventView) -> Void) async throws {
        var query = Self.ofCluster
        query.cursor = after.flatMap { EventCursor($0) }
        for await told in try await sources.system.events(query) where !EventView.isNoise(told.event) {
            take(EventView(told))
        }
    }

    /// With cursors.
    static var ofCluster: EventQuery {
        var query = EventQuery(Filters(["scope": [EventQuery.clusterScope]]))
        query.wantsCursors = true
        return query
    }
}

extension EventView {
    /// What health checks and sessions do all the time, and what tasks pass through on their way.
    static func isNoise(_ event: EngineEvent) -> Bool {
        switch event.type {
        case "container":
            event.action.hasPrefix("exec_") || ["top", "attach", "resize", "archive-path"].contains(event.action)
        case "task":
            ["new", "pending", "assigned", "accepted", "preparing", "ready", "starting"].contains(event.action)
        default: false
        }
    }

    init(_ told: ToldEvent) {
        let event = told.event
        self.init(time: event.time.milliseconds, type: event.type, action: event.action, id: event.actorID)
        cursor = told.cursor?.description ?? ""
        name = (event.attributes["name"] ?? "").cut(to: .value)
        /// Whom the event is of, or is told with: containers name it by labels, the others by kind.
        func subject(_ kind: String) -> String? {
            event.type == kind
                ? event.actorID
                : event.attributes["com.docker.swarm.\(kind).id"] ?? event.attributes["\(kind).id"]
        }
        service = subject("service")
        task = subject("task")
        node = subject("node")
        for key in [
            "exitCode", "image", "reason", "signal", "network", "container", "state.new", "state.old", "user",
            "summary", "outcome", "severity", "node.name", "service.name", "client", "address", "leftOut",
        ] {
            attributes[key] = event.attributes[key]?.cut(to: .value)
        }
        guard event.type == "network" else { return }
        // Of repairs; what else has an error may name whom it was about.
        for key in ["count", "error"] { attributes[key] = event.attributes[key]?.cut(to: .value) }
    }
}
