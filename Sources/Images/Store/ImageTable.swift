import FoundationEssentials
import Model
import OCI

/// Which images there are, and under which names: a value, kept in `images.json`.
///
/// An image or a name that cannot be read is given up by itself.
struct ImageTable: VersionedRecord, Equatable {
    static let recordKind = "images"
    static let recordVersion = 1

    struct Record: Codable, Sendable, Equatable {
        /// Blobs of the layers, lowest first, where they are kept.
        var layers: [ContentDescriptor]
        /// The manifest it came with, where it came with one.
        var manifest: ContentDescriptor?
        /// Seconds since 1970.
        var lastTagged: Double
    }

    /// By id, which is the configuration's digest.
    private(set) var images: [String: Record] = [:]
    /// Ids by normalised reference, with tag or digest.
    private(set) var references: [String: Digest] = [:]
    /// The ids and names that could not be read, and why. They are not written.
    private(set) var unread: [String: String] = [:]

    private enum CodingKeys: String, CodingKey { case images, references }

    private enum Entry<Value: Decodable>: Decodable {
        case value(Value)
        case unread(String)

        init(from decoder: any Decoder) {
            do { self = .value(try Value(from: decoder)) } catch { self = .unread("\(error)") }
        }
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        for (id, entry) in try fields.decode([String: Entry<Record>].self, forKey: .images) {
            switch entry {
            case .value(let record) where Digest(id) != nil: images[id] = record
            case .value: unread[id] = "it is no image's id"
            case .unread(let reason): unread[id] = reason
            }
        }
        for (name, entry) in try fields.decode([String: Entry<Digest>].self, forKey: .references) {
            switch entry {
            case .value(let id): references[name] = id
            case .unread(let reason): unread[name] = reason
            }
        }
    }

    func record(_ id: Digest) -> Record? { images[id.description] }

    var ids: [Digest] { images.keys.compactMap { Digest($0) } }

    func id(_ reference: ImageReference) -> Digest? { references[reference.stored.description] }

    /// Names of an image, sorted.
    func names(of id: Digest) -> [ImageReference] {
        references.filter { $0.value == id }.keys.sorted().compactMap {
            try? ImageReference($0)  // Only what was one is put in.
        }
    }

    /// Tags of a repository with the images they stand for, sorted.
    func tags(of repository: ImageReference) -> [(name: ImageReference, id: Digest)] {
        references.compactMap { text, id in
            // Only what was one is put in.
            guard let name = try? ImageReference(text), name.digest == nil, name.name == repository.name else {
                return nil
            }
            return (name, id)
        }.sorted { $0.name.description < $1.name.description }
    }

    mutating func put(_ id: Digest, _ record: Record) { images[id.description] = record }

    mutating func point(_ reference: ImageReference, at id: Digest, now: Double) {
        references[reference.stored.description] = id
        images[id.description]?.lastTagged = now
    }

    /// One more name, of which the image's time of tagging says nothing.
    mutating func pointWithoutTagging(_ reference: ImageReference, at id: Digest) {
        references[reference.stored.description] = id
    }

    mutating func forget(_ reference: ImageReference) { references[reference.stored.description] = nil }

    mutating func remove(_ id: Digest) {
        images[id.description] = nil
        references = references.filter { $0.value != id }
    }

    /// The image with this id, or the only one whose id starts so.
    func search(_ text: String) -> Digest? {
        let hex = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
        if let whole = Digest(hex: hex), images[whole.description] != nil { return whole }
        guard !hex.isEmpty, hex.utf8.count < 64 else { return nil }
        let found = ids.filter { $0.hex.hasPrefix(hex) }
        return found.count == 1 ? found[0] : nil
    }

    /// Whether `text` is the beginning of this id rather than a name (Docker's rule).
    static func isIDPrefix(_ text: String, of id: Digest) -> Bool {
        id.hex.hasPrefix(text) || (text.hasPrefix("sha256:") && id.description.hasPrefix(text))
    }
}
