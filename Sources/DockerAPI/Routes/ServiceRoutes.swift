import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import Model

/// Services and tasks.
enum ServiceRoutes {
    static func add(to routes: inout RouteTable) {
        let (plain, withStatus) = (
            EncodedList<Service>(shown: { $0.answered }), EncodedList<Service>(shown: { $0.answered })
        )
        routes.on(.get, "/services") { call in
            let filters = try call.filters(["id", "label", "mode", "name", "runtime"])
            let status = call.query.flag("status")
            let services = try await call.backends.services.listServices(filters, withStatus: status)
            return .json(
                bytes: try (status ? withStatus : plain).encode(services, isWhole: filters == Filters()))
        }
        routes.on(.post, "/services/create") { call in
            let created = try await call.backends.services.createService(try await specification(call))
            return try .json(ServiceCreateAnswer(id: created.id, warnings: created.warnings), status: .created)
        }
        routes.on(.get, "/services/{id}") { call in
            let service = try await call.backends.services.inspectService(
                call["id"], insertDefaults: call.query.flag("insertDefaults"))
            return try .json(service.answered)
        }
        routes.on(.post, "/services/{id}/update", update)
        routes.on(.delete, "/services/{id}") { call in
            try await call.backends.services.removeService(call["id"])
            return .empty(.ok)
        }
        routes.on(.get, "/services/{id}/logs") { call in
            let query = try LogAnswer.query(call, ofSwarm: true)
            return try await LogAnswer.send(try await call.backends.services.serviceLogs(call["id"], query), call)
        }
        routes.on(.get, "/tasks/{id}/logs") { call in
            let query = try LogAnswer.query(call, ofSwarm: true)
            return try await LogAnswer.send(try await call.backends.tasks.taskLogs(call["id"], query), call)
        }
        routes.on(.get, "/tasks") { call in
            let filters = try call.filters([
                "_up-to-date", "desired-state", "id", "label", "name", "node", "runtime", "service",
            ])
            return try .json(try await call.backends.tasks.listTasks(filters).map(\.answered))
        }
        routes.on(.get, "/tasks/{id}") { call in
            let task = try await call.backends.tasks.inspectTask(call["id"])
            return try .json(task.answered)
        }
    }

    private static func update(_ call: Call) async throws -> Reply {
        let spec = try await specification(call)
        let version = try call.query.version(of: "service")
        let rollback = call.query.text("rollback") ?? "none"
        guard ["none", "previous"].contains(rollback) else {
            throw APIError(.invalidInput, "unrecognized rollback option \(rollback)")
        }
        let asked = call.query["registryAuthFrom"] ?? ""
        guard let origin = asked.isEmpty ? CredentialsOrigin.spec : CredentialsOrigin(rawValue: asked) else {
            throw APIError(.invalidInput, "unsupported registryAuthFrom value")
        }
        let warnings = try await call.backends.services.updateService(
            call["id"], version: version, spec, rollback: rollback == "previous", credentialsFrom: origin)
        return try .json(WarningsAnswer(warnings))
    }

    /// The body, with the credentials that the header has for the nodes: what a body says of them does not count.
    private static func specification(_ call: Call) async throws -> ServiceSpec {
        var spec = try await call.body(ServiceSpec.self, named: "ServiceSpec")
        spec.taskTemplate.registryAuth = try call.credentialsForNodes()
        return spec
    }
}
