import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Logging
import Model
import NIOCore
import NIOFoundationCompat

/// Images and what registries say of them.
enum ImageRoutes {
    private static let listFilters: Set<String> = ["before", "dangling", "label", "reference", "since", "until"]

    static func add(to routes: inout RouteTable) {
        routes.on(.get, "/images/json") { call in
            try .json(
                try await call.backends.images.listImages(
                    call.filters(listFilters), all: call.query.flag("all"), sharedSize: call.query.flag("shared-size")))
        }
        routes.on(.post, "/images/create", pull)
        routes.on(.get, "/images/{name}/json", inspect)
        routes.on(.get, "/images/{name}/history") { call in
            try .json(
                try await call.backends.images.imageHistory(
                    call["name"], platform: try call.query.platform("platform")))
        }
        routes.on(.post, "/images/{name}/tag") { call in
            try await call.backends.images.tagImage(
                call["name"], repository: call.query["repo"] ?? "", tag: call.query["tag"] ?? "")
            return .empty(.created)
        }
        routes.on(.delete, "/images/{name}", remove)
        routes.on(.get, "/distribution/{name}/json") { call in
            try .verbatim(
                DistributionAnswer(
                    try await call.backends.registries.distribution(call["name"], credentials: call.registryCredentials)
                ))
        }
    }

    private static func inspect(_ call: Call) async throws -> Reply {
        let platform = try call.query.platform("platform")
        guard platform == nil || !call.query.flag("manifests") else {
            throw APIError(.invalidInput, "conflicting options: manifests and platform options cannot both be set")
        }
        var image = try await call.backends.images.inspectImage(call["name"], platform: platform)
        // Programs made for older versions read it without looking whether it is there, as Compose 1 does to make a container anew.
        if call.version < APIVersion(1, 45) { image.containerConfig = ContainerConfiguration() }
        return try .json(image)
    }

    private static func remove(_ call: Call) async throws -> Reply {
        let platforms = try call.query.platforms("platforms")
        // Each image is for one. Source of the text: moby, daemon/images/image_delete.go.
        guard platforms.count <= 1 else { throw APIError(.invalidInput, "multiple platforms are not supported") }
        return try .json(
            try await call.backends.images.removeImage(
                call["name"], platform: platforms.first, force: call.query.flag("force"),
                prune: !call.query.flag("noprune")))
    }

    private static func pull(_ call: Call) async throws -> Reply {
        if call.query.text("fromSrc") != nil { return try await ImageTransferRoutes.importArchive(call) }
        guard var reference = call.query.text("fromImage") else {
            throw APIError(.invalidInput, "fromImage or fromSrc must be given")
        }
        if let tag = call.query.text("tag") { reference += (tag.contains(":") ? "@" : ":") + tag }
        try await call.finishBody()
        let (images, name) = (call.backends.transfers, reference)
        return try await progress(call) { sink in
            try await images.pullImage(
                name, platform: call.query.text("platform"), credentials: call.registryCredentials, progress: sink)
        }
    }

    /// Answers with one JSON object a line. Until the first line an error has its own status, unless each is to be a line; then it is a line.
    static func progress(
        _ call: Call, errorsAreLines: Bool = false,
        _ work: @escaping @Sendable (@escaping ProgressSink) async throws -> Void
    ) async throws -> Reply {
        try await call.stream("application/json", atOnce: false) { stream in
            do {
                try await work { line in try await stream.write(encoded(line)) }
            } catch {
                guard stream.hasBegun || errorsAreLines, !(error is CancellationError) else { throw error }
                call.logger.debug("progress ended", metadata: ["error": "\(error)"])
                var line = ProgressLine()
                let message = FaultStatus.answer(to: error).message
                line.error = message
                line.errorDetail = ProgressLine.ErrorDetail(message: message)
                try await stream.write(encoded(line))
            }
        }
    }

    static func encoded(_ line: ProgressLine) throws -> ByteBuffer {
        var buffer = ByteBuffer(data: try WireJSON.encodeVerbatim(line))
        buffer.writeString("\r\n")
        return buffer
    }
}
