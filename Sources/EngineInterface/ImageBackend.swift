package import Model
package import NIOCore

/// Told each line of a long operation's progress.
package typealias ProgressSink = @Sendable (ProgressLine) async throws -> Void

/// What the image routes need of the engine. Faults: `.notFound` with `No such image: X`.
package protocol ImageBackend: Sendable {
    /// - Parameter reference: Name with tag or digest; `allTags` pulls every tag of the name.
    func pullImage(
        _ reference: String, platform: String?, credentials: RegistryCredentials?, progress: @escaping ProgressSink
    ) async throws
    /// Reads a `docker save` or OCI archive.
    func loadImages(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, progress: @escaping ProgressSink) async throws
    func listImages(_ filters: Filters, all: Bool) async throws -> [ImageSummary]
    func inspectImage(_ reference: String) async throws -> ImageInspection
    func tagImage(_ reference: String, repository: String, tag: String) async throws
    func removeImage(_ reference: String, force: Bool, prune: Bool) async throws -> [ImageRemoval]
    func imageHistory(_ reference: String) async throws -> [ImageHistory]
    /// Digest, size and platforms of what a registry has under a name, for `GET /distribution/{name}/json`.
    func distribution(_ reference: String, credentials: RegistryCredentials?) async throws -> DistributionInspection
}

package struct DistributionInspection: Encodable, Sendable {
    package var descriptor = Descriptor()
    package var platforms: [Platform] = []
    package init() {}

    /// Spelled in lower case on the wire, as in OCI documents; the edge writes it so.
    package struct Descriptor: Encodable, Sendable {
        package var mediaType = ""
        package var digest = ""
        package var size: Int64 = 0
        package init() {}
    }
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
