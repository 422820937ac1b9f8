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
            let spec = try await call.body(ServiceSpec.self, named: "ServiceSpec")
            let created = try await call.backends.services.createService(spec)
            return try .json(
                ServiceCreateAnswer(id: created.id, warnings: created.warnings + unusedCredentials(call)),
                status: .created)
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
            let query = try LogAnswer.query(call)
            return try await LogAnswer.send(try await call.backends.services.serviceLogs(call["id"], query), call)
        }
        routes.on(.get, "/tasks/{id}/logs") { call in
            let query = try LogAnswer.query(call)
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
        let spec = try await call.body(ServiceSpec.self, named: "ServiceSpec")
        let version = try call.query.version(of: "service")
        let rollback = call.query.text("rollback")
        if let rollback, rollback != "previous" {
            throw APIError(.invalidInput, "unrecognized rollback option \(rollback)")
        }
        guard ["", "spec", "previous-spec"].contains(call.query["registryAuthFrom"] ?? "") else {
            throw APIError(.invalidInput, "unsupported registryAuthFrom value")
        }
        let warnings = try await call.backends.services.updateService(
            call["id"], version: version, spec, rollback: rollback != nil)
        return try .json(WarningsAnswer(warnings + unusedCredentials(call)))
    }

    /// A warning for who hands credentials of a registry over: nodes pull without any.
    private static func unusedCredentials(_ call: Call) -> [String] {
        guard let given = call.registryCredentials else { return [] }
        let secrets = [given.password, given.auth, given.identitytoken, given.registrytoken]
        guard secrets.contains(where: { $0?.isEmpty == false }) else { return [] }
        return ["nodes pull a service's images without credentials: apus does not hand them over yet"]
    }
}
