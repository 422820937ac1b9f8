package import Model
package import NIOCore

/// What the routes for containers' files need of the engine.
///
/// Paths are those that the container's processes use; symbolic links are followed within the container's tree.
package protocol ContainerFilesBackend: Sendable {
    /// - Throws: `.notFound` with `Could not find the file PATH in container NAME`.
    func statContainerPath(_ reference: String, path: String) async throws -> PathStatus
    /// A file, or a directory with all below it, as a tar archive whose names begin with the path's last part.
    func readContainerPath(_ reference: String, path: String) async throws -> (status: PathStatus, archive: ByteStream)
    /// Unpacks a tar archive, plain or compressed, in a directory of the container's.
    func writeContainerPath(
        _ reference: String, path: String, _ options: PathWriteOptions,
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable) async throws
    /// The container's root file system as a tar archive, without its volumes.
    func exportContainer(_ reference: String) async throws -> ByteStream
    /// What the container has changed in its image's files, in order of their paths.
    func containerChanges(_ reference: String) async throws -> [PathChange]
}

/// Bytes that come as they are asked for; dropping it ends what makes them.
package typealias ByteStream = AsyncThrowingStream<ByteBuffer, any Error>

/// How far what is there gives way to an archive.
package struct PathWriteOptions: Sendable {
    /// A directory is not to be replaced by something else, nor the reverse.
    package var keepsKinds = false
    /// What is written belongs to the container's user.
    package var ownedByUser = false
    package init() {}
}
