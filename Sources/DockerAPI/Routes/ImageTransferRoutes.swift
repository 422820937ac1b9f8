import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Model
import NIOCore

/// Images that come from archives, and go to archives and registries; and those that go for good.
enum ImageTransferRoutes {
    /// Source: moby, builder/builder-next/builder.go.
    private static let cacheFilters: Set<String> = [
        "description", "id", "inuse", "label", "label!", "parent", "private", "shared", "type", "until", "unused-for",
    ]

    static func add(to routes: inout RouteTable) {
        routes.on(.post, "/images/load", load)
        routes.on(.get, "/images/get") { call in
            guard let names = call.query.values["names"], !names.isEmpty else {
                throw APIError(.invalidInput, "no image names given")
            }
            return try await save(names, call)
        }
        routes.on(.get, "/images/{name}/get") { call in try await save([call["name"]], call) }
        routes.on(.post, "/images/{name}/push", push)
        routes.on(.post, "/build/prune") { call in
            // There is no builder, so its cache is empty, whatever of it is asked for; Docker's client asks with every `system prune`.
            _ = try call.filters(cacheFilters)
            return try .json(CachePruneAnswer())
        }
        routes.on(.post, "/images/prune") { call in
            // What the filters may be, the engine says.
            let pruned = try await call.backends.images.pruneImages(Filters(call.query.filters()))
            return try .json(ImagesPruneAnswer(imagesDeleted: pruned.removed, spaceReclaimed: pruned.reclaimedBytes))
        }
    }

    private static func load(_ call: Call) async throws -> Reply {
        guard call.query.text("platform") == nil else {
            throw APIError(.notImplemented, "loading one platform of an image is not implemented by apus")
        }
        await call.connection.continueIfExpected()
        let images = call.backends.transfers
        let isQuiet = call.query.flag("quiet")
        // What is wrong with an archive is told in the answer, as by Docker, whose clients look for it there.
        return try await ImageRoutes.progress(call, errorsAreLines: true) { sink in
            try await images.loadImages(call.request.body) { line in
                // Bars are noise to the quiet; what was loaded is the answer.
                if !isQuiet || line.stream != nil { try await sink(line) }
            }
        }
    }

    private static func save(_ names: [String], _ call: Call) async throws -> Reply {
        let platform = try call.query.platform("platform")
        let images = call.backends.transfers
        return try await call.stream("application/x-tar", atOnce: false) { stream in
            try await images.saveImages(names, platform: platform) { piece in try await stream.write(piece) }
        }
    }

    private static func push(_ call: Call) async throws -> Reply {
        let platform = try call.query.platform("platform")
        // Older clients send their credentials in the body as well; the header counts.
        try await call.finishBody()
        let images = call.backends.transfers
        return try await ImageRoutes.progress(call) { sink in
            try await images.pushImage(
                call["name"], tag: call.query.text("tag"), platform: platform, credentials: call.registryCredentials,
                progress: sink)
        }
    }

    /// `POST /images/create?fromSrc=-`: the body is an archive of files.
    static func importArchive(_ call: Call) async throws -> Reply {
        guard call.query.text("fromSrc") == "-" else {
            throw APIError(.notImplemented, "importing images from a URL is not implemented by apus")
        }
        let changes = (call.query.values["changes"] ?? []).contains { !$0.isEmpty }
        let platform = call.query.text("platform") != nil
        for (name, isGiven) in [("changes", changes), ("platform", platform)] where isGiven {
            throw APIError(.notImplemented, "importing images with \(name) is not implemented by apus")
        }
        var name = call.query.text("repo")
        if let tag = call.query.text("tag"), let repository = name { name = "\(repository):\(tag)" }
        let comment = call.query.text("message") ?? "Imported from -"
        await call.connection.continueIfExpected()
        let (images, requested) = (call.backends.transfers, name)
        return try await ImageRoutes.progress(call) { sink in
            let id = try await images.importImage(call.request.body, name: requested, comment: comment)
            try await sink(ProgressLine(status: id))
        }
    }
}
