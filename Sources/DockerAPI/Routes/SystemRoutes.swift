import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import Model
import NIOCore
import NIOFoundationCompat

/// `/_ping`, `/version`, `/info`, `/events`, `/plugins`.
enum SystemRoutes {
    private static let eventFilters: Set<String> = [
        "config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret",
        "service", "type", "volume",
    ]

    static func add(to routes: inout RouteTable) {
        routes.on(.get, "/_ping", ping)
        routes.on(.head, "/_ping", ping)
        routes.on(.get, "/version") { call in
            let info = try await call.backends.system.systemInfo()
            return try .json(VersionAnswer(engine: info, parts: await call.backends.system.componentVersions()))
        }
        routes.on(.get, "/info") { call in
            var info = try await call.backends.system.systemInfo()
            info.swarm = await call.backends.swarm.swarmInfo()
            return try .json(
                InfoAnswer(info, parts: await call.backends.system.componentVersions(), version: call.version))
        }
        routes.on(.get, "/events", events)
        // There are none, and `docker info` asks.
        routes.on(.get, "/plugins") { call in
            _ = try call.filters(["capability", "enabled"])
            return try .verbatim([String]())
        }
        routes.on(.get, "/plugins/{name}/json") { call in
            .failure(.notFound, "plugin \"\(call["name"])\" not found")
        }
        routes.on(.post, "/auth") { call in
            let credentials = try await call.verbatimBody(RegistryCredentials.self, named: "AuthConfig")
            switch try await call.backends.registries.checkCredentials(credentials) {
            case .accepted: return try .json(LoginAnswer())
            case .refused(let reason): return .failure(.unauthorized, reason)
            }
        }
        routes.on(.get, "/system/df") { call in
            let kinds = try (call.query.values["type"] ?? []).map { text in
                guard let kind = DiskUsageKind(rawValue: text) else {
                    throw APIError(.invalidInput, "unknown object type: \(text)")
                }
                return kind
            }
            let requested = kinds.isEmpty ? Set(DiskUsageKind.allCases) : Set(kinds)
            var usage = try await call.backends.system.diskUsage(requested)
            // Docker's answer has no such member.
            if !call.query.flag("logs") { usage.logs = nil }
            return try .json(usage)
        }
    }

    private static func ping(_ call: Call) async throws -> Reply {
        let swarm = await call.backends.swarm.swarmInfo()
        let role = swarm.controlAvailable ? "manager" : "worker"
        return .text(
            "OK",
            fields: [
                .builderVersion: "1", .cacheControl: "no-cache, no-store, must-revalidate", .pragma: "no-cache",
                .swarm: swarm.localNodeState == "active" ? "active/\(role)" : swarm.localNodeState,
            ])
    }

    private static func events(_ call: Call) async throws -> Reply {
        var query = EventQuery(try call.filters(eventFilters))
        query.since = try call.query.timestamp("since")
        query.until = try call.query.timestamp("until")
        if let text = call.query["cursor"] {
            // An empty one asks for the cursors of new events.
            query.wantsCursors = true
            query.cursor = EventCursor(text)
            if query.cursor == nil, !text.isEmpty { throw APIError(.invalidInput, "invalid cursor '\(text)'") }
        }
        let events = try await call.backends.system.events(query)
        return try await call.stream("application/json") { stream in
            for await event in events {
                var line = ByteBuffer(data: try WireJSON.encodeVerbatim(EventMessage(event)))
                line.writeString("\n")
                try await stream.write(line)
            }
        }
    }
}
