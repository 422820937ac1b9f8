import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import Model

enum NetworkRoutes {
    private static let listFilters: Set<String> = ["dangling", "driver", "id", "label", "name", "scope", "type"]

    static func add(to routes: inout RouteTable) {
        routes.on(.get, "/networks") { call in
            let networks = try await call.backends.networks.listNetworks(call.filters(listFilters))
            return try .json(call.version < APIVersion(1, 28) ? networks : networks.map(\.listed))
        }
        routes.on(.get, "/networks/{id}") { call in
            var network = try await call.backends.networks.inspectNetwork(
                call["id"], scope: call.query.text("scope"), verbose: call.query.flag("verbose"))
            // The definition has it from version 1.52 on.
            if !call.query.flag("status") { network.status = nil }
            return try .json(network)
        }
        routes.on(.post, "/networks/create") { call in
            let request = try await call.body(NetworkRequest.self, named: "NetworkCreateRequest")
            let created = try await call.backends.networks.createNetwork(request)
            return try .json(NetworkCreateAnswer(identifier: created.id, warning: created.warning), status: .created)
        }
        routes.on(.delete, "/networks/{id}") { call in
            try await call.backends.networks.removeNetwork(call["id"])
            return .empty(.noContent)
        }
        routes.on(.post, "/networks/{id}/connect") { call in
            let request = try await call.body(NetworkConnectRequest.self, named: "NetworkConnect")
            guard !request.container.isEmpty else { throw noContainer }
            try await call.backends.connections.connectNetwork(
                call["id"], container: request.container, settings: request.endpointConfig)
            return .empty(.ok)
        }
        routes.on(.post, "/networks/{id}/disconnect") { call in
            let request = try await call.body(NetworkDisconnectRequest.self, named: "NetworkDisconnect")
            guard !request.container.isEmpty || request.force else { throw noContainer }
            try await call.backends.connections.disconnectNetwork(
                call["id"], container: request.container, force: request.force)
            return .empty(.ok)
        }
        routes.on(.post, "/networks/prune") { call in
            let names = try await call.backends.networks.pruneNetworks(call.filters(["label", "label!", "until"]))
            return try .json(NetworksPruneAnswer(networksDeleted: names))
        }
    }

    /// A request that names no container. Source of the text: moby, `daemon.GetContainer`.
    private static let noContainer = APIError(.invalidInput, #"invalid name or ID supplied: """#)
}

extension NetworkResource {
    /// As lists have it since API 1.28: who is on a network its inspect tells alone. Source: Engine API 1.50, `GET /networks`.
    fileprivate var listed: Self {
        var network = self
        network.containers = scope == "swarm" ? nil : [:]
        network.peers = nil
        return network
    }
}
