import Concurrency
import EngineInterface
import Foundation
import LinuxSystem
package import Logging
package import Model
package import OCI

/// A node's images, their layers and the containers' root file systems, below one directory.
///
/// Everything on disk is written under a temporary name and renamed when whole, so a daemon that is killed at any
/// point finds complete images when it is back, and sweeps the rest.
package actor ImageStore {
    /// What is ready to run of an image.
    struct Usable {
        var configuration: ImageConfiguration
        var chainIDs: [Digest]
        var layerSizes: [Int64]
    }

    /// What is worked on by one at a time.
    enum LockKey: Hashable, Sendable {
        case table
        case blob(Digest)
        case layer(Digest)
    }

    nonisolated let root: String
    nonisolated let content: ContentStore
    nonisolated let layers: LayerStore
    nonisolated let snapshots: Snapshots
    nonisolated let registry: RegistryClient
    nonisolated let log: Logger
    nonisolated let locks = KeyedLock<LockKey>()
    /// The platform whose images are pulled unless another is asked for.
    nonisolated let platform: Platform
    /// What could not be read when this was opened: images and the table of them, which are kept beside it, and what containers' root file
    /// systems are made of, which stays where it is.
    package nonisolated let unread: [UnreadRecord]

    var table: ImageTable
    var usable: [Digest: Usable]
    /// Blobs and layers that work in progress needs, and how many such works.
    private var pins: [Digest: Int] = [:]

    private static let tableName = "images.json"

    /// Opens the store below `root`, made if need be, and sweeps what interrupted work has left. One process at a time.
    /// - Parameter bound: What may come out of one layer or archive.
    package static func open(
        root: String, registry: RegistryConfiguration = RegistryConfiguration(), platform: Platform = .host,
        bound: UnpackingBound = UnpackingBound(), log: Logger
    ) async throws -> ImageStore {
        let content = ContentStore(root: root)
        let layers = LayerStore(root: root, bound: bound)
        let snapshots = Snapshots(root: root, layers: layers)
        let (table, usable, unread) = try await onThread {
            try Files.makePrivateDirectory(root)
            try content.prepare()
            try layers.prepare()
            try snapshots.prepare()
            let (table, unreadImages) = try readTable("\(root)/\(tableName)")
            let unread = unreadImages + (try snapshots.unread())
            var usable: [Digest: Usable] = [:]
            for id in table.ids {
                var why = "something of it is missing"
                do {
                    if let found = try inspect(id, content, layers) {
                        usable[id] = found
                        continue
                    }
                } catch {
                    // A file that cannot be read keeps the others from nothing.
                    why = "\(error)"
                }
                log.warning(
                    "an image is incomplete and has to be pulled again",
                    metadata: ["image": "\(id)", "error": "\(why)"])
            }
            return (table, usable, unread)
        }
        return ImageStore(
            root: root, content: content, layers: layers, snapshots: snapshots,
            registry: RegistryClient(registry, log: log), platform: platform, log: log,
            unread: unread, table: table, usable: usable)
    }

    private init(
        root: String, content: ContentStore, layers: LayerStore, snapshots: Snapshots, registry: RegistryClient,
        platform: Platform, log: Logger, unread: [UnreadRecord], table: ImageTable, usable: [Digest: Usable]
    ) {
        self.root = root
        self.content = content
        self.layers = layers
        self.snapshots = snapshots
        self.registry = registry
        self.platform = platform
        self.log = log
        self.unread = unread
        self.table = table
        self.usable = usable
    }

    /// What cannot be read is set aside, in a file beside the table: images can be pulled again, and containers go on.
    private static func readTable(_ path: String) throws -> (table: ImageTable, unread: [UnreadRecord]) {
        guard let bytes = try Files.read(path) else { return (ImageTable(), []) }
        let aside = "\(path).unread-\(RandomID.hex(bytes: 6))"
        let table: ImageTable
        do {
            table = try PlainJSON.decode(record: ImageTable.self, from: bytes)
        } catch {
            try Files.rename(path, to: aside)
            return (ImageTable(), [UnreadRecord(type: "daemon", id: aside, reason: "\(error)")])
        }
        if table.unread.isEmpty { return (table, []) }
        // The whole beside it first, then the rest in its place: it is told of once.
        try Files.writeAtomically(bytes, to: aside)
        try Files.writeAtomically(try PlainJSON.encode(record: table), to: path)
        let unread = table.unread.sorted { $0.key < $1.key }.map { id, reason in
            UnreadRecord(type: "image", id: id, reason: "\(reason); what was known of it is in \(aside)")
        }
        return (table, unread)
    }

    /// Reads what is needed to run an image; `nil` when something is missing or damaged.
    static func inspect(_ id: Digest, _ content: ContentStore, _ layers: LayerStore) throws -> Usable? {
        guard let bytes = try content.document(id) else { return nil }
        let configuration: ImageConfiguration = try OCIDocument.decode(bytes)
        let chainIDs = configuration.rootFileSystem.chainIDs
        var sizes: [Int64] = []
        for chain in chainIDs {
            guard let record = try layers.record(chain) else { return nil }
            sizes.append(record.size)
        }
        return Usable(configuration: configuration, chainIDs: chainIDs, layerSizes: sizes)
    }

    /// Writes the table as it is when this call's turn comes.
    func commit() async throws {
        try await locks.run(.table) { [self] in
            let bytes = try PlainJSON.encode(record: table)
            try await onThread { [root] in
                try Files.writeAtomically(bytes, to: "\(root)/\(Self.tableName)")
            }
        }
    }

    // MARK: What is in use

    func pin(_ digests: [Digest]) { for digest in digests { pins[digest, default: 0] += 1 } }

    func unpin(_ digests: [Digest]) {
        for digest in digests {
            guard let count = pins[digest] else { continue }
            pins[digest] = count > 1 ? count - 1 : nil
        }
    }

    /// Holds blobs and layers back from being collected while `body` works.
    func withPins<T: Sendable>(_ digests: [Digest], _ body: @Sendable () async throws -> T) async throws -> T {
        pin(digests)
        defer { unpin(digests) }
        return try await body()
    }

    func isPinned(_ digest: Digest) -> Bool { pins[digest] != nil }

    /// Makes an image known under some names. Its layers are unpacked.
    func add(_ id: Digest, _ record: ImageTable.Record, names: [ImageReference]) async throws {
        let found = try await onThread { [content, layers] in try Self.inspect(id, content, layers) }
        guard let found else { throw ImagesError(.missing, "image \(id) is incomplete") }
        var record = record
        if let known = table.record(id) {
            record.lastTagged = known.lastTagged
            record.manifest = record.manifest ?? known.manifest
        }
        usable[id] = found
        table.put(id, record)
        for name in names where table.id(name) != id { table.point(name, at: id, now: Date().timeIntervalSince1970) }
        try await commit()
    }

    // MARK: Questions

    /// The image that a name, an id or the beginning of an id stands for.
    /// - Parameter platform: What it has to be for, as in `linux/arm64`; `nil` or empty for any.
    /// - Throws: 404 `No such image: X`, or that it is for another platform; 400 for what is no reference and no platform.
    package func image(_ reference: String, platform: String? = nil) throws -> StoredImage {
        let wanted = try Self.wanted(platform)
        let id = try resolve(reference)
        guard let image = stored(id) else { throw Self.missing(reference) }
        try require(wanted, of: id, named: reference)
        return image
    }

    /// The platform that a text names; `nil` when there is none.
    static func wanted(_ text: String?) throws(ImageError) -> Platform? {
        guard let text, !text.isEmpty else { return nil }
        guard let platform = Platform(text) else { throw ImageError.invalidPlatform(text) }
        return platform
    }

    /// Refuses an image that is not for `wanted`. Each is for one platform.
    func require(_ wanted: Platform?, of id: Digest, named reference: String) throws(ImageError) {
        guard let wanted else { return }
        guard let known = usable[id], known.configuration.platform.fits(wanted) else {
            throw ImageError.platformMissing(reference: reference, platform: "\(wanted)")
        }
    }

    /// All images, newest first.
    package func images() -> [StoredImage] {
        usable.keys.compactMap(stored).sorted {
            ($0.configuration.created ?? "", $0.id) > ($1.configuration.created ?? "", $1.id)
        }
    }

    /// The steps of an image's making, newest first.
    /// - Parameter platform: As of ``image(_:platform:)``.
    package func history(_ reference: String, platform: String? = nil) throws -> [HistoryStep] {
        let image = try image(reference, platform: platform)
        var sizes = image.layerSizes[...]
        var steps = (image.configuration.history ?? []).map { step in
            (step, step.emptyLayer == true ? 0 : sizes.popFirst() ?? 0)
        }
        if steps.isEmpty { steps = image.layerSizes.map { (ImageConfiguration.History(), $0) } }
        return steps.reversed().enumerated().map { index, step in
            HistoryStep(
                id: index == 0 ? image.id : nil, step: step.0, size: step.1, tags: index == 0 ? image.tags : [])
        }
    }

    /// Docker's order: a name, then an id, whole or its beginning.
    func resolve(_ text: String) throws -> Digest {
        if let id = Digest(text) ?? Digest(hex: text) {
            if usable[id] != nil { return id }
            throw Self.missing(text)
        }
        let name: ImageReference
        do { name = try ImageReference(text) } catch {
            if let id = table.search(text), usable[id] != nil { return id }
            throw error
        }
        if let id = table.id(name), usable[id] != nil { return id }
        if let id = table.search(text), usable[id] != nil { return id }
        throw Self.missing(text)
    }

    /// Which image each of some references stands for; those that stand for none are left out.
    package func ids(of references: Set<String>) -> [String: Digest] {
        var found: [String: Digest] = [:]
        for reference in references {
            found[reference] = try? resolve(reference)  // What is no reference, or one of no image, stands for none.
        }
        return found
    }

    static func missing(_ text: String) -> ImageError {
        // A name is told with its tag, as Docker does.
        let name = try? ImageReference(text).withDefaultTag.familiar  // What is no name is told as it came.
        return ImageError.notFound(name ?? text)
    }

    private func stored(_ id: Digest) -> StoredImage? {
        guard let known = usable[id], let record = table.record(id) else { return nil }
        let names = table.names(of: id)
        return StoredImage(
            id: id, configuration: known.configuration, tags: names.filter { $0.digest == nil }.map(\.familiar),
            digests: names.filter { $0.digest != nil }.map(\.familiar), layerSizes: known.layerSizes,
            layerDirectories: known.chainIDs.map(layers.directory), lastTagged: record.lastTagged)
    }

    /// Gives an image one more name. A name that stood for another image stands for this one from now on.
    /// - Parameter tag: Empty for `latest`.
    /// - Returns: The name in the familiar form, and the image.
    @discardableResult
    package func tag(_ reference: String, repository: String, tag: String = "") async throws -> (
        name: String, id: Digest
    ) {
        let id = try resolve(reference)
        var name = try ImageReference(repository)
        if name.digest != nil { throw OCIError(.badReference, "refusing to create a tag with a digest reference") }
        if !tag.isEmpty {
            guard ImageReference.isTag(tag) else { throw OCIError(.badReference, "invalid tag format") }
            name = name.tagged(tag)
        }
        name = name.withDefaultTag
        table.point(name, at: id, now: Date().timeIntervalSince1970)
        try await commit()
        return (name.familiar, id)
    }
}

extension ImageStore {
    /// Bytes of all images' layers, each counted once, and for each image those of layers that others have as well.
    package func usage() -> (layers: Int64, shared: [Digest: Int64]) {
        var sizes: [Digest: Int64] = [:]
        var users: [Digest: Int] = [:]
        for known in usable.values {
            for (chain, size) in zip(known.chainIDs, known.layerSizes) {
                sizes[chain] = size
                users[chain, default: 0] += 1
            }
        }
        let shared = usable.mapValues { known in
            zip(known.chainIDs, known.layerSizes).reduce(Int64(0)) { sum, layer in
                sum + (users[layer.0, default: 0] > 1 ? layer.1 : 0)
            }
        }
        return (sizes.values.reduce(0, +), shared)
    }
}
