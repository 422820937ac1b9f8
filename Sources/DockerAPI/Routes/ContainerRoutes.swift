import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import Model

/// Containers, except for what streams.
enum ContainerRoutes {
    private static let listFilters: Set<String> = [
        "ancestor", "before", "expose", "exited", "health", "id", "is-task", "isolation", "label", "name", "network",
        "publish", "since", "status", "volume",
    ]

    static func add(to routes: inout RouteTable) {
        routes.on(.get, "/containers/json", list)
        routes.on(.post, "/containers/create", create)
        routes.on(.get, "/containers/{id}/json", inspect)
        routes.on(.post, "/containers/{id}/start") { call in
            try await call.finishBody()
            try await call.backends.containers.startContainer(call["id"])
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/stop") { call in
            try await call.backends.containers.stopContainer(
                call["id"], signal: call.query.text("signal"), timeout: try call.query.number("t"))
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/restart") { call in
            try await call.backends.containers.restartContainer(
                call["id"], signal: call.query.text("signal"), timeout: try call.query.number("t"))
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/kill") { call in
            try await call.backends.containers.killContainer(call["id"], signal: call.query.text("signal"))
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/pause") { call in
            try await call.backends.containers.pauseContainer(call["id"])
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/unpause") { call in
            try await call.backends.containers.unpauseContainer(call["id"])
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/update") { call in
            let changes = try await call.body(HostConfiguration.self, named: "UpdateConfig")
            let warnings = try await call.backends.containers.updateContainer(call["id"], changes)
            return try .json(ContainerUpdateAnswer(warnings: warnings))
        }
        routes.on(.post, "/containers/{id}/rename") { call in
            try await call.backends.containers.renameContainer(call["id"], to: call.query["name"] ?? "")
            return .empty(.noContent)
        }
        routes.on(.post, "/containers/{id}/resize") { call in
            let (height, width) = try size(call.query)
            try await call.backends.streams.resizeContainer(call["id"], height: height, width: width)
            return .empty(.ok)
        }
        routes.on(.get, "/containers/{id}/top") { call in
            let top = try await call.backends.stats.topContainer(
                call["id"], arguments: call.query.text("ps_args") ?? "-ef")
            return try .json(TopAnswer(titles: top.titles, processes: top.processes))
        }
        routes.on(.delete, "/containers/{id}", remove)
        routes.on(.post, "/containers/prune") { call in
            let pruned = try await call.backends.containers.pruneContainers(call.filters(["label", "label!", "until"]))
            return try .json(
                ContainersPruneAnswer(containersDeleted: pruned.removed, spaceReclaimed: pruned.reclaimedBytes))
        }
    }

    /// `h` and `w`, both of which must be there.
    static func size(_ query: Query) throws -> (height: Int, width: Int) {
        (try query.requiredNumber("h"), try query.requiredNumber("w"))
    }

    private static func list(_ call: Call) async throws -> Reply {
        var query = ContainerQuery()
        query.all = call.query.flag("all")
        query.limit = try call.query.number("limit")
        query.size = call.query.flag("size")
        query.filters = try call.filters(listFilters)
        return try .json(try await call.backends.listing.listContainers(query))
    }

    private static func inspect(_ call: Call) async throws -> Reply {
        let reference = call["id"]
        let container = try await call.backends.listing.inspectContainer(reference, size: call.query.flag("size"))
            .adapted(to: call.version)
        let name = container.name.hasPrefix("/") ? String(container.name.dropFirst()) : container.name
        guard !container.identifier.hasPrefix(reference), !name.hasPrefix(reference), !reference.hasPrefix("/"),
            !reference.contains("."),
            // Nodes that are no managers know no tasks.
            let task = try? await call.backends.tasks.inspectTask(reference), task.id.hasPrefix(reference)
        else { return try .json(container) }
        return try .json(TaskContainerAnswer(container, of: task))
    }

    private static func create(_ call: Call) async throws -> Reply {
        var request = try await call.body(ContainerCreateRequest.self, named: "ContainerConfigWrapper")
        if request == ContainerCreateRequest() {
            throw APIError(.invalidInput, "Config cannot be empty in order to create a container")
        }
        request = request.completed(for: call.version)
        try adapt(&request, to: call.version)
        let created = try await call.backends.creation.createContainer(
            name: call.query.text("name"), platform: call.query.text("platform"), request)
        return try .json(
            ContainerCreateAnswer(identifier: created.id, warnings: created.warnings), status: .created)
    }

    /// What a client of an older API cannot know is as it was then.
    private static func adapt(_ request: inout ContainerCreateRequest, to version: APIVersion) throws {
        guard version < APIVersion(1, 44) else { return }
        let mounts = request.hostConfig.mounts ?? []
        guard mounts.allSatisfy({ $0.bindOptions?.readOnlyForceRecursive != true }) else {
            throw APIError(.invalidInput, "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
        }
        request.leavesSubmountsWritable = true
    }

    private static func remove(_ call: Call) async throws -> Reply {
        if call.query.flag("link") {
            try await call.backends.containers.removeLink(call["id"])
            return .empty(.noContent)
        }
        try await call.backends.containers.removeContainer(
            call["id"], force: call.query.flag("force"), removeVolumes: call.query.flag("v"))
        return .empty(.noContent)
    }
}
