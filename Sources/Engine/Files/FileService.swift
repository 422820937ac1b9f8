import Concurrency
import ContainerRuntime
package import EngineInterface
import Glibc
import Images
import LinuxSystem
import Logging
package import Model
package import NIOCore

/// Files into containers and out of them, and what containers have changed.
package final class FileService: ContainerFilesBackend {
    private let containers: ContainerTable
    private let roots: ContainerRoots
    private let paths: EnginePaths
    private let bound: UnpackingBound
    private let events: EventLog
    private let background: BackgroundTasks
    private let log: Logger

    init(
        containers: ContainerTable, roots: ContainerRoots, paths: EnginePaths, bound: UnpackingBound, events: EventLog,
        background: BackgroundTasks, log: Logger
    ) {
        self.bound = bound
        self.containers = containers
        self.events = events
        self.log = log
        self.paths = paths
        self.roots = roots
        self.background = background
    }

    package func statContainerPath(_ reference: String, path: String) async throws -> PathStatus {
        let record = try containers.find(reference)
        let requested = ContainerPath(path)
        return try await withTree(of: record) { tree in try Self.status(requested, in: tree, of: reference, path) }
    }

    private static func status(
        _ requested: ContainerPath, in tree: RootedDirectory, of reference: String, _ text: String
    )
        throws -> PathStatus
    {
        guard let found = try tree.status(requested.path, followingLinks: requested.followsLast) else {
            throw FileError.notFound(path: text, container: reference)
        }
        let isLink = found.st_mode & S_IFMT == S_IFLNK
        var target = ""
        if isLink, let link = try tree.naming(requested.path, followingLinks: false) {
            target = try Files.link(of: link)
            target = MountPlan.clean(target.hasPrefix("/") ? target : "\(requested.parent)/\(target)")
        }
        return PathStatus(
            name: requested.name, size: Int64(clamping: found.st_size), mode: FileMode(found.st_mode),
            modified: Timestamp(
                seconds: Int64(clamping: found.st_mtim.tv_sec), nanoseconds: Int64(clamping: found.st_mtim.tv_nsec)),
            linkTarget: target)
    }

    package func readContainerPath(_ reference: String, path: String) async throws -> (
        status: PathStatus, archive: ByteStream
    ) {
        let record = try containers.find(reference)
        let requested = ContainerPath(path)
        let status = try await statContainerPath(reference, path: path)
        if requested.followsLast, path != "/", !status.mode.isDirectory {
            throw FileError.notDirectory(path)
        }
        let archive = try stream(of: record) { tree, output in
            var writer = TreeWriter(output: output)
            if status.mode.isDirectory {
                try writer.add(directory: try tree.open(requested.path, O_RDONLY | O_DIRECTORY), as: requested.base)
            } else {
                let parent = try tree.open(requested.parent, O_RDONLY | O_DIRECTORY)
                try writer.add(Files.name(of: requested.path), in: parent, as: requested.base)
            }
            try writer.finish()
        }
        events.publish("container", "archive-path", record.id, record.eventAttributes)
        return (status, archive)
    }

    package func containerChanges(_ reference: String) async throws -> [PathChange] {
        let record = try containers.find(reference)
        let (upper, lower) = try await roots.layers(of: record)
        return try await onThread(stackBytes: deepThreadStackBytes) {
            try ChangeList(upper: upper, lower: lower).changes
        }
    }

    package func exportContainer(_ reference: String) async throws -> ByteStream {
        let record = try containers.find(reference)
        let archive = try stream(of: record, withPlaces: false) { tree, output in
            var writer = TreeWriter(output: output)
            try writer.addContents(of: try tree.open("/", O_RDONLY | O_DIRECTORY), prefix: "")
            try writer.finish()
        }
        events.publish("container", "export", record.id, record.eventAttributes)
        return archive
    }

    package func writeContainerPath(
        _ reference: String, path: String, _ options: PathWriteOptions,
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable
    ) async throws {
        let record = try containers.find(reference)
        let requested = ContainerPath(path)
        let how = try await readerOptions(options, record)
        let flow = try ByteFlow()
        async let fed: Void = Self.feed(archive, into: flow)
        do {
            // Should the tree not even be opened, those who feed must see that nobody reads.
            defer { flow.closeReading() }
            try await withTree(of: record) { tree in
                guard let input = flow.takeReading() else { return }
                try Self.check(requested, record, in: tree, of: reference, path)
                let reader = try TreeReader(input: input, into: tree, at: requested.path, how)
                try reader.unpack()
                // What follows the archive's end is the client's still to send.
                while try !input.readSome(ByteFlow.pieceBytes).isEmpty {}
            }
        } catch let error as SystemError where error.errno == EROFS {
            throw FileError.readOnlyVolume
        }
        try await fed
        events.publish("container", "extract-to-dir", record.id, record.eventAttributes)
    }

    private func readerOptions(_ options: PathWriteOptions, _ record: ContainerRecord) async throws
        -> TreeReader.Options
    {
        var how = TreeReader.Options()
        how.keepsKinds = options.keepsKinds
        how.bound = bound
        if options.ownedByUser, !record.configuration.user.isEmpty {
            let root = try await roots.directory(of: record)
            let user = try await withTree(of: record, withPlaces: false) { _ in
                try UserResolver(rootDirectory: root).resolve(record.configuration.user)
            }
            how.owner = (user.uid, user.gid)
        }
        return how
    }

    private static func check(
        _ requested: ContainerPath, _ record: ContainerRecord, in tree: RootedDirectory, of reference: String,
        _ text: String
    ) throws {
        guard let found = try tree.status(requested.path, followingLinks: true) else {
            throw FileError.notFound(path: text, container: reference)
        }
        guard found.st_mode & S_IFMT == S_IFDIR else {
            throw FileError.targetNotDirectory
        }
        if record.hostConfig.readonlyRootfs,
            try tree.status("/", followingLinks: true)?.st_dev == found.st_dev
        {
            throw FileError.readOnlyRoot
        }
    }

    private static func feed(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, into flow: ByteFlow
    ) async throws {
        let writer = FlowWriter(flow.releaseWriting() ?? -1)
        defer { writer.end() }
        for try await piece in archive { try await onThread { try writer.write(piece) } }
    }

    // MARK: The tree

    /// Makes an archive of the container's tree while the stream is read.
    private func stream(
        of record: ContainerRecord, withPlaces: Bool = true,
        _ write: @escaping @Sendable (RootedDirectory, consuming Descriptor) throws -> Void
    ) throws -> ByteStream {
        let flow = try ByteFlow()
        let bytes = flow.stream()
        background.begin {
            do {
                try await self.withTree(of: record, withPlaces: withPlaces) { tree in
                    try write(tree, try flow.duplicateWriting())
                }
            } catch {
                // The reader has gone when it is EPIPE, and hears nothing of it.
                flow.fail(error)
                self.log.debug(
                    "an archive broke off", metadata: ["container": "\(record.shortID)", "error": "\(error)"])
            }
            // Only now: the reader sees the end, and with it why.
            flow.closeWriting()
        }
        return bytes
    }

    /// Runs `body`, which may block, on the container's files. One that does not run is not started meanwhile.
    func withTree<Value: Sendable>(
        of record: ContainerRecord, withPlaces: Bool = true,
        _ body: @escaping @Sendable (RootedDirectory) throws -> Value
    ) async throws -> Value {
        let root = try await roots.directory(of: record)
        let tree = ContainerTree(root: root, record: record, files: paths.files(of: record.id), withPlaces: withPlaces)
        func run() async throws -> Value {
            try await onThread(stackBytes: deepThreadStackBytes) { try body(try tree.assemble()) }
        }
        if containers.record(record.id)?.isUp == true {
            do { return try await run() } catch is ContainerTree.NotMounted {
                // It has ended at this moment: as below.
            }
        }
        return try await containers.lock.run(record.id) {
            guard let present = containers.record(record.id) else {
                throw ContainerError.notFound(record.id)
            }
            if present.isUp { return try await run() }
            try await roots.mount(present)
            do {
                let value = try await run()
                try await roots.unmount(record.id)
                return value
            } catch {
                do { try await uncancelled { [roots] in try await roots.unmount(record.id) } } catch let fault {
                    log.error(
                        "a root file system stays mounted",
                        metadata: ["container": "\(record.shortID)", "error": "\(fault)"])
                }
                throw error
            }
        }
    }
}
