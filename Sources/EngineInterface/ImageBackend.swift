package import Model
package import NIOCore

/// Told each line of a long operation's progress.
package typealias ProgressSink = @Sendable (ProgressLine) async throws -> Void

/// What the image routes need of the engine. Faults: `.notFound` with `No such image: X`, or that the image is for another than the `platform`
/// that is asked for, as in `linux/arm64`; `nil` is any.
package protocol ImageBackend: Sendable {
    /// Removes images without a tag or, when the filter `dangling` is false, all that no container uses.
    func pruneImages(_ filters: Filters) async throws -> (removed: [ImageRemoval], reclaimedBytes: Int64)
    /// - Parameter sharedSize: Whether to tell how much of each image others have as well.
    func listImages(_ filters: Filters, all: Bool, sharedSize: Bool) async throws -> [ImageSummary]
    /// - Parameter reference: An id, the beginning of one, or a name.
    func inspectImage(_ reference: String, platform: String?) async throws -> ImageInspection
    /// Gives an image another name; the image that had it before loses it.
    /// - Parameter tag: Empty for `latest`.
    func tagImage(_ reference: String, repository: String, tag: String) async throws
    /// Takes a name away and, with the last one, the image with the layers that nobody else needs.
    /// - Parameter force: Also with several names, and while a container that does not run uses it.
    /// - Throws: `.conflict` with Docker's words.
    func removeImage(_ reference: String, platform: String?, force: Bool, prune: Bool) async throws -> [ImageRemoval]
    /// Newest step first.
    func imageHistory(_ reference: String, platform: String?) async throws -> [ImageHistory]
}

/// Images that come from and go to registries and archives. Faults: those of ``ImageBackend``; a registry's own.
package protocol ImageTransferBackend: Sendable {
    /// - Parameter reference: Name with tag or digest; a name alone means its tag `latest`, and not, as with Docker, each of its tags.
    func pullImage(
        _ reference: String, platform: String?, credentials: RegistryCredentials?, progress: @escaping ProgressSink
    ) async throws
    /// Reads a `docker save` or OCI archive.
    func loadImages(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, progress: @escaping ProgressSink) async throws
    /// Writes an archive of images. The sink is called for the first time when all of them were found.
    func saveImages(_ references: [String], platform: String?, to sink: @escaping ArchiveSink) async throws
    /// - Parameter tag: `nil` for all tags of the name.
    func pushImage(
        _ reference: String, tag: String?, platform: String?, credentials: RegistryCredentials?,
        progress: @escaping ProgressSink
    ) async throws
    /// Makes an image of an archive of files.
    /// - Returns: Its id.
    func importImage(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, name: String?, comment: String
    ) async throws
        -> String
}

/// What a registry says.
package protocol RegistryBackend: Sendable {
    /// Whether a registry takes the credentials.
    func checkCredentials(_ credentials: RegistryCredentials) async throws -> LoginResult
    /// Digest, size and platforms of what a registry has under a name, for `GET /distribution/{name}/json`.
    func distribution(_ reference: String, credentials: RegistryCredentials?) async throws -> DistributionInspection
}

/// Takes pieces of an archive, in order.
package typealias ArchiveSink = @Sendable (ByteBuffer) async throws -> Void

/// What a registry said to credentials.
package enum LoginResult: Sendable, Equatable {
    case accepted
    /// With its words.
    case refused(String)
}

/// What a registry has under a name.
package struct DistributionInspection: Encodable, Sendable {
    package var descriptor = Descriptor()
    package var platforms: [Platform] = []
    package init() {}

    /// Spelled in lower case on the wire, as in OCI documents; the edge writes it so.
    package struct Descriptor: Encodable, Sendable {
        package var mediaType = ""
        package var digest = ""
        /// Bytes of the manifest or index.
        package var size: Int64 = 0
        package init() {}
    }
    /// `GOARCH`, `GOOS` and the variant of an architecture (`v7`), as manifests of several images tell them.
    package struct Platform: Encodable, Sendable {
        package var architecture = ""
        package var os = ""
        package var variant: String?
        package init(architecture: String, os: String, variant: String? = nil) {
            self.architecture = architecture
            self.os = os
            self.variant = variant
        }
    }
}
