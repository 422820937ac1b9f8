import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import Model

/// The swarm itself and its nodes; secrets and configs, of which there are none yet.
enum SwarmRoutes {
    static func add(to routes: inout RouteTable) {
        addSwarm(to: &routes)
        addNodes(to: &routes)
        addSecretsAndConfigs(to: &routes)
    }

    private static func addSwarm(to routes: inout RouteTable) {
        routes.on(.get, "/swarm") { call in try .json(try await call.backends.swarm.inspectSwarm()) }
        routes.on(.post, "/swarm/init") { call in
            let request = try await call.body(SwarmInitRequest.self, named: "InitRequest")
            return try .verbatim(try await call.backends.swarm.initialiseSwarm(request))
        }
        routes.on(.post, "/swarm/join") { call in
            let request = try await call.body(SwarmJoinRequest.self, named: "JoinRequest")
            try await call.backends.swarm.joinSwarm(request)
            return .empty(.ok)
        }
        routes.on(.post, "/swarm/leave") { call in
            try await call.backends.swarm.leaveSwarm(force: call.query.flag("force"))
            return .empty(.ok)
        }
        routes.on(.post, "/swarm/update") { call in
            let spec = try await call.body(ClusterSpec.self, named: "Spec")
            try await call.backends.swarm.updateSwarm(
                version: try call.query.version(of: "swarm"), spec,
                rotateWorkerToken: call.query.flag("rotateWorkerToken"),
                rotateManagerToken: call.query.flag("rotateManagerToken"),
                rotateUnlockKey: call.query.flag("rotateManagerUnlockKey"))
            return .empty(.ok)
        }
        for (method, path) in [(HTTPRequest.Method.get, "/swarm/unlockkey"), (.post, "/swarm/unlock")] {
            routes.refuse(method, path, "locking managers is not implemented by apus") { call in
                _ = try await call.backends.swarm.inspectSwarm()
            }
        }
    }

    private static func addNodes(to routes: inout RouteTable) {
        let list = EncodedList<Node>(shown: { $0.answered })
        routes.on(.get, "/nodes") { call in
            let filters = try call.filters(["id", "label", "membership", "name", "node.label", "role"])
            let nodes = try await call.backends.nodes.listNodes(filters)
            return .json(bytes: try list.encode(nodes, isWhole: filters == Filters()))
        }
        routes.on(.get, "/nodes/{id}") { call in
            let node = try await call.backends.nodes.inspectNode(call["id"])
            return try .json(node.answered)
        }
        routes.on(.post, "/nodes/{id}/update") { call in
            let body = try await call.body(NodeSpecBody.self, named: "NodeSpec")
            try await call.backends.nodes.updateNode(
                call["id"], version: try call.query.version(of: "node"), try body.spec)
            return .empty(.ok)
        }
        routes.on(.delete, "/nodes/{id}") { call in
            try await call.backends.nodes.removeNode(call["id"], force: call.query.flag("force"))
            return .empty(.ok)
        }
    }

    /// None can be created yet, so a manager lists none and finds none.
    private static func addSecretsAndConfigs(to routes: inout RouteTable) {
        for (path, word) in [("/secrets", "secret"), ("/configs", "config")] {
            routes.on(.get, path) { call in
                _ = try call.filters(["id", "label", "name", "names"])
                _ = try await call.backends.swarm.inspectSwarm()
                return try .verbatim([String]())
            }
            for method in [HTTPRequest.Method.get, .delete] {
                routes.on(method, path + "/{id}") { call in
                    _ = try await call.backends.swarm.inspectSwarm()
                    throw APIError(.notFound, "\(word) \(call["id"]) not found")
                }
            }
            routes.refuse(.post, path + "/create", "\(word)s are not implemented by apus") { call in
                _ = try await call.backends.swarm.inspectSwarm()
            }
        }
    }
}

/// The body of a node's update, whose words are checked one by one for Docker's messages.
private struct NodeSpecBody: Decodable {
    @Zero var name: String
    @Zero var labels: [String: String]
    @Zero var role: String
    @Zero var availability: String

    var spec: NodeSpec {
        get throws(APIError) {
            var spec = NodeSpec()
            spec.name = name.isEmpty ? nil : name
            spec.labels = labels
            guard let role = NodeRole(rawValue: role) else {
                throw APIError(.invalidInput, "invalid Role: \"\(role)\"")
            }
            guard let availability = NodeAvailability(rawValue: availability) else {
                throw APIError(.invalidInput, "invalid Availability: \"\(availability)\"")
            }
            spec.role = role
            spec.availability = availability
            return spec
        }
    }
}
