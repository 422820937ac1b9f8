import Images
import LinuxSystem
import Logging
import NIOCore
import OCI
import TestKit
import Testing

/// An image store in a directory of its own, and images made by hand.
struct ImageFixture {
    let directory: String
    var root: String { directory + "/store" }
    let store: ImageStore

    static func with(
        _ registry: RegistryConfiguration = RegistryConfiguration(), bound: UnpackingBound = UnpackingBound(),
        _ body: (ImageFixture) async throws -> Void
    ) async throws {
        try requireRoot()
        try await withTemporaryDirectory { directory in
            var registry = registry
            registry.certificates = directory + "/certs.d"
            try await body(
                ImageFixture(directory: directory, store: try await open(directory + "/store", registry, bound)))
        }
    }

    static func open(
        _ root: String, _ registry: RegistryConfiguration = RegistryConfiguration(),
        _ bound: UnpackingBound = UnpackingBound()
    ) async throws -> ImageStore {
        var log = Logger(label: "test")
        log.logLevel = .critical
        return try await ImageStore.open(root: root, registry: registry, bound: bound, log: log)
    }

    /// Bytes as a request's body brings them, in pieces that fit nothing.
    static func body(_ bytes: [UInt8]) -> AsyncThrowingStream<ByteBuffer, any Error> {
        AsyncThrowingStream { continuation in
            for start in stride(from: 0, to: bytes.count, by: 70_001) {
                continuation.yield(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + 70_001)]))
            }
            continuation.finish()
        }
    }

    /// An archive as `docker save` of version 20 wrote it.
    static func saved(_ layers: [[UInt8]], tags: [String], lie: Bool = false) throws -> [UInt8] {
        var configuration = ImageConfiguration(
            architecture: Platform.host.architecture, os: "linux",
            rootFileSystem: .init(diffIDs: lie ? layers.map { Digest(of: $0 + [1]) } : layers.map { Digest(of: $0) }))
        configuration.created = "2024-05-06T07:08:09Z"
        var defaults = ImageConfiguration.Defaults()
        defaults.labels = ["made": tags.first ?? "nameless"]
        configuration.config = defaults
        let document = try OCIDocument.encode(configuration)
        var archive = TarBuilder()
        for (index, layer) in layers.enumerated() {
            archive.add("\(index)/", .directory, mode: 0o755)
            archive.add("\(index)/VERSION", text: "1.0")
            // The same layer twice is a link, as Docker had it.
            if let first = layers[..<index].firstIndex(of: layer) {
                archive.add("\(index)/layer.tar", .symbolicLink, link: "../\(first)/layer.tar")
            } else {
                archive.add("\(index)/layer.tar", content: layer)
            }
        }
        let name = Digest(of: document).hex + ".json"
        archive.add(name, content: document)
        let list = tags.map { "\"\($0)\"" }.joined(separator: ",")
        let files = layers.indices.map { "\"\($0)/layer.tar\"" }.joined(separator: ",")
        archive.add("manifest.json", text: #"[{"Config":"\#(name)","RepoTags":[\#(list)],"Layers":[\#(files)]}]"#)
        return archive.bytes
    }

    /// A layer with one file.
    static func layer(_ name: String, _ text: String) -> [UInt8] {
        var archive = TarBuilder()
        archive.add(name, text: text)
        return archive.bytes
    }

    @discardableResult
    func load(_ archive: [UInt8]) async throws -> [LoadedImage] {
        try await store.load(Self.body(archive)) { _ in }
    }

    /// What is saved, whole.
    func save(_ references: String...) async throws -> [UInt8] {
        let collected = Pieces()
        try await store.save(references) { await collected.add($0) }
        return await collected.bytes
    }

    /// Calls `body` with a directory where the image's root is mounted.
    func mounted<T>(_ reference: String, _ body: (String) throws -> T) async throws -> T {
        let id = try await store.image(reference).id
        let container = RandomID.hex(bytes: 8)
        try await store.prepareRootFilesystem(container: container, image: id)
        let place = try await store.mountRootFilesystem(container: container).merged
        return try await cleaningUp {
            try body(place)
        } by: {
            try await store.removeRootFilesystem(container: container)
        }
    }

    /// Names below a part of the store.
    func names(_ part: String) throws -> [String] { try Files.list("\(root)/\(part)") }
}

actor Pieces {
    private(set) var bytes: [UInt8] = []
    func add(_ piece: ByteBuffer) { bytes += piece.readableBytesView }
}

/// Lines of a progress.
actor Lines {
    private(set) var reports: [ProgressReport] = []
    var texts: [String] { reports.map { ($0.id.map { $0 + ": " } ?? "") + $0.status } }
    func add(_ report: ProgressReport) { reports.append(report) }
}
