/// One row of `GET /images/json`.
package struct ImageSummary: Encodable, Sendable {
    package var identifier = ""
    package var parentId = ""
    package var repoTags: [String] = []
    package var repoDigests: [String] = []
    /// Seconds since 1970.
    package var created: Int64 = 0
    /// Bytes in regular files of all layers.
    package var size: Int64 = 0
    /// The same; of API versions before 1.44.
    package var virtualSize: Int64 = 0
    /// Bytes of layers that other images have as well; −1 where it was not asked for.
    package var sharedSize: Int64 = -1
    package var labels: [String: String] = [:]
    /// Those that use the image; −1 where it was not asked for.
    package var containers = -1
    package init() {}
}

/// The answer to `GET /images/{name}/json`.
package struct ImageInspection: Encodable, Sendable {
    package var identifier = ""
    package var repoTags: [String] = []
    package var repoDigests: [String] = []
    package var parent = ""
    package var comment = ""
    /// RFC 3339, as the image's configuration has it.
    package var created = ""
    package var container = ""
    /// What the container had that the image was made of, of which nothing is known; of API versions before 1.45 only.
    package var containerConfig: ContainerConfiguration?
    package var dockerVersion = ""
    package var author = ""
    package var config = ContainerConfiguration()
    package var architecture = ""
    package var os = "linux"
    /// Bytes in regular files of all layers.
    package var size: Int64 = 0
    /// The same; of API versions before 1.44.
    package var virtualSize: Int64 = 0
    package var graphDriver = GraphDriver(name: "overlay2", data: [:])
    package var rootFS = RootFileSystem()
    package var metadata = Metadata()

    package init() {}

    /// The layers by the digests of their uncompressed archives, lowest first.
    package struct RootFileSystem: Encodable, Sendable {
        package var type = "layers"
        package var layers: [String] = []
        package init() {}
    }
    /// What the engine remembers of the image besides.
    package struct Metadata: Encodable, Sendable {
        package var lastTagTime = Timestamp.zero
        package init() {}
    }
}

/// One row of the answer to `DELETE /images/{name}`: either an untagged reference or a deleted id.
package struct ImageRemoval: Encodable, Sendable {
    package var untagged: String?
    package var deleted: String?
    package init(untagged: String? = nil, deleted: String? = nil) {
        self.deleted = deleted
        self.untagged = untagged
    }
}

/// One row of `GET /images/{name}/history`.
package struct ImageHistory: Encodable, Sendable {
    /// The image's for its newest step, `<missing>` for those before.
    package var identifier = ""
    /// Seconds since 1970.
    package var created: Int64 = 0
    package var createdBy = ""
    package var tags: [String]?
    /// Bytes that the step has added.
    package var size: Int64 = 0
    package var comment = ""
    package init() {}

    private enum CodingKeys: CodingKey { case identifier, created, createdBy, tags, size, comment }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(identifier, forKey: .identifier)
        try container.encode(created, forKey: .created)
        try container.encode(createdBy, forKey: .createdBy)
        // A step without tags has Docker's `null`, not nothing.
        try container.encode(tags, forKey: .tags)
        try container.encode(size, forKey: .size)
        try container.encode(comment, forKey: .comment)
    }
}

/// One line of a pull's or load's progress, spelled as on the wire.
package struct ProgressLine: Codable, Sendable, Equatable {
    package var stream: String?
    package var status: String?
    package var id: String?
    /// The bar and figures as text, for clients that show it as it is.
    package var progress: String?
    package var progressDetail: Detail?
    /// Why it has come to nothing: the last line then.
    package var error: String?
    package var errorDetail: ErrorDetail?
    package var aux: Pushed?

    package init(status: String? = nil, id: String? = nil) {
        self.id = id
        self.status = status
    }

    /// How far a layer has come.
    package struct Detail: Codable, Sendable, Equatable {
        /// Bytes.
        package var current: Int64?
        /// Bytes.
        package var total: Int64?
        package init(current: Int64? = nil, total: Int64? = nil) {
            self.current = current
            self.total = total
        }
    }
    /// What a push has sent; the one part of a line that is not spelled in lower case.
    package struct Pushed: Codable, Sendable, Equatable {
        package var tag: String
        package var digest: String
        /// Bytes of the manifest.
        package var size: Int64

        private enum CodingKeys: String, CodingKey {
            case tag = "Tag"
            case digest = "Digest"
            case size = "Size"
        }

        package init(tag: String, digest: String, size: Int64) {
            self.digest = digest
            self.size = size
            self.tag = tag
        }
    }
    /// The error once more.
    package struct ErrorDetail: Codable, Sendable, Equatable {
        package var message: String
        package init(message: String) { self.message = message }
    }
}
