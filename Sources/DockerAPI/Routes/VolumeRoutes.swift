import DockerTypes
import EngineInterface
import HTTPTypes
import Model

enum VolumeRoutes {
    static func add(to routes: inout RouteTable) {
        routes.on(.get, "/volumes") { call in
            let filters = try call.filters(["dangling", "driver", "label", "name"])
            return try .json(VolumeListAnswer(volumes: try await call.backends.volumes.listVolumes(filters)))
        }
        routes.on(.post, "/volumes/create") { call in
            let request = try await call.body(VolumeRequest.self, named: "CreateOptions")
            return try .json(try await call.backends.volumes.createVolume(request), status: .created)
        }
        routes.on(.get, "/volumes/{name}") { call in
            try .json(try await call.backends.volumes.inspectVolume(call["name"]))
        }
        routes.on(.delete, "/volumes/{name}") { call in
            try await call.backends.volumes.removeVolume(call["name"], force: call.query.flag("force"))
            return .empty(.noContent)
        }
        routes.on(.post, "/volumes/prune") { call in
            let pruned = try await call.backends.volumes.pruneVolumes(call.filters(["all", "label", "label!"]))
            return try .json(VolumesPruneAnswer(volumesDeleted: pruned.removed, spaceReclaimed: pruned.reclaimedBytes))
        }
    }
}
