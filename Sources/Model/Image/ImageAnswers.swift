/// One row of `GET /images/json`.
package struct ImageSummary: Encodable, Sendable {
    package var identifier = ""
    package var parentId = ""
    package var repoTags: [String] = []
    package var repoDigests: [String] = []
    /// Seconds since 1970.
    package var created: Int64 = 0
    package var size: Int64 = 0
    package var virtualSize: Int64 = 0
    package var sharedSize: Int64 = -1
    package var labels: [String: String] = [:]
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
    package var created = ""
    package var container = ""
    package var dockerVersion = ""
    package var author = ""
    package var config = ContainerConfiguration()
    package var architecture = ""
    package var os = "linux"
    package var size: Int64 = 0
    package var virtualSize: Int64 = 0
    package var graphDriver = GraphDriver(name: "overlay2", data: [:])
    package var rootFS = RootFileSystem()
    package var metadata = Metadata()

    package init() {}

    package struct RootFileSystem: Encodable, Sendable {
        package var type = "layers"
        package var layers: [String] = []
        package init() {}
    }
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
    package var identifier = ""
    package var created: Int64 = 0
    package var createdBy = ""
    package var tags: [String]?
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
    package var progress: String?
    package var progressDetail: Detail?
    package var error: String?
    package var errorDetail: ErrorDetail?
    package var aux: Pushed?

    package init(status: String? = nil, id: String? = nil) {
        self.id = id
        self.status = status
    }

    package struct Detail: Codable, Sendable, Equatable {
        package var current: Int64?
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
    package struct ErrorDetail: Codable, Sendable, Equatable {
        package var message: String
        package init(message: String) { self.message = message }
    }
}

/// Credentials from the `X-Registry-Auth` header.
package struct RegistryCredentials: Codable, Sendable, Equatable {
    package var username: String?
    package var password: String?
    package var auth: String?
    package var identitytoken: String?
    /// The registry that they are for.
    package var serveraddress: String?
    package var registrytoken: String?
    package init() {}
}
