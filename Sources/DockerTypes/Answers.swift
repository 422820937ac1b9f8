package import Model

/// The body of every error answer.
package struct ErrorAnswer: Codable, Sendable, Equatable {
    package var message: String
    package init(_ message: String) { self.message = message }
}

/// The answer to a create that has nothing to add.
package struct IdentifierAnswer: Codable, Sendable, Equatable {
    package var identifier: String
    package init(_ identifier: String) { self.identifier = identifier }
}

/// The answer to `POST /containers/create`: warnings are listed even if there are none.
package struct ContainerCreateAnswer: Codable, Sendable, Equatable {
    package var identifier: String
    package var warnings: [String]
    package init(identifier: String, warnings: [String]) {
        self.identifier = identifier
        self.warnings = warnings
    }
}

/// The answer to `POST /containers/{id}/update`.
package struct ContainerUpdateAnswer: Codable, Sendable, Equatable {
    package var warnings: [String]
    package init(warnings: [String]) { self.warnings = warnings }
}

/// The answer to `POST /networks/create`: the warning is there even if it is empty.
package struct NetworkCreateAnswer: Codable, Sendable, Equatable {
    package var identifier: String
    package var warning: String
    package init(identifier: String, warning: String) {
        self.identifier = identifier
        self.warning = warning
    }
}

/// The answer to `POST /services/create`: without warnings the key is left out.
package struct ServiceCreateAnswer: Codable, Sendable, Equatable {
    package var id: String
    package var warnings: [String]?
    package init(id: String, warnings: [String]) {
        self.id = id
        self.warnings = warnings.isEmpty ? nil : warnings
    }
}

/// The answer to a service update: `null` for no warnings.
package struct WarningsAnswer: Codable, Sendable, Equatable {
    @Nullable package var warnings: [String]?
    package init(_ warnings: [String]) { self.warnings = warnings.isEmpty ? nil : warnings }
}

/// The answer to `POST /containers/{id}/wait`.
package struct WaitAnswer: Codable, Sendable, Equatable {
    /// The exit code of the container's process.
    package var statusCode: Int
    package var error: Failure?

    package init(statusCode: Int, error: String?) {
        self.statusCode = statusCode
        self.error = error.map(Failure.init)
    }

    /// Why the end could not be waited for, or what went wrong as the container ended.
    package struct Failure: Codable, Sendable, Equatable {
        package var message: String
    }
}

/// The answer to `GET /containers/{id}/top`: a line a process, a text a column.
package struct TopAnswer: Codable, Sendable, Equatable {
    package var titles: [String]
    package var processes: [[String]]
    package init(titles: [String], processes: [[String]]) {
        self.processes = processes
        self.titles = titles
    }
}

/// The answer to `POST /containers/prune`.
package struct ContainersPruneAnswer: Codable, Sendable, Equatable {
    /// Written as `null` when there are none.
    @Nullable package var containersDeleted: [String]?
    /// Bytes.
    package var spaceReclaimed: Int64
    package init(containersDeleted: [String], spaceReclaimed: Int64) {
        self.containersDeleted = containersDeleted.isEmpty ? nil : containersDeleted
        self.spaceReclaimed = spaceReclaimed
    }
}

/// The answer to `POST /images/prune`.
package struct ImagesPruneAnswer: Encodable, Sendable {
    /// Written as `null` when there are none.
    package var imagesDeleted: [ImageRemoval]?
    /// Bytes.
    package var spaceReclaimed: Int64
    package init(imagesDeleted: [ImageRemoval], spaceReclaimed: Int64) {
        self.imagesDeleted = imagesDeleted.isEmpty ? nil : imagesDeleted
        self.spaceReclaimed = spaceReclaimed
    }

    private enum CodingKeys: String, CodingKey { case imagesDeleted, spaceReclaimed }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(imagesDeleted, forKey: .imagesDeleted)
        try container.encode(spaceReclaimed, forKey: .spaceReclaimed)
    }
}

/// The answer to `POST /build/prune` where there is no builder: nothing was deleted.
package struct CachePruneAnswer: Encodable, Sendable {
    /// Bytes.
    package var spaceReclaimed: Int64 = 0
    package init() {}

    private enum CodingKeys: String, CodingKey { case cachesDeleted, spaceReclaimed }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeNil(forKey: .cachesDeleted)
        try container.encode(spaceReclaimed, forKey: .spaceReclaimed)
    }
}

/// The answer to a login that a registry has taken.
package struct LoginAnswer: Codable, Sendable, Equatable {
    package var status = "Login Succeeded"
    package var identityToken = ""
    package init() {}
}

/// The answer to `POST /networks/prune`, by names.
package struct NetworksPruneAnswer: Codable, Sendable, Equatable {
    /// Written as `null` when there are none.
    @Nullable package var networksDeleted: [String]?
    package init(networksDeleted: [String]) { self.networksDeleted = networksDeleted.isEmpty ? nil : networksDeleted }
}

/// The answer to `POST /volumes/prune`, by names.
package struct VolumesPruneAnswer: Codable, Sendable, Equatable {
    package var volumesDeleted: [String]
    /// Bytes.
    package var spaceReclaimed: Int64
    package init(volumesDeleted: [String], spaceReclaimed: Int64) {
        self.spaceReclaimed = spaceReclaimed
        self.volumesDeleted = volumesDeleted
    }
}

/// The answer to `GET /volumes`.
package struct VolumeListAnswer: Encodable, Sendable {
    package var volumes: [VolumeResource]
    /// Written as `null` when there are none.
    package var warnings: [String]?
    package init(volumes: [VolumeResource]) { self.volumes = volumes }

    private enum CodingKeys: String, CodingKey { case volumes, warnings }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(volumes, forKey: .volumes)
        try container.encode(warnings, forKey: .warnings)
    }
}
