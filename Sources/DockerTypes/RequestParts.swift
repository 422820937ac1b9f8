package import Model

// Parts of requests that the model keeps as any JSON: how command lines write them. Source: Engine API 1.50.

/// One of `HostConfig.BlkioWeightDevice`.
package struct WeightDevice: Codable, Sendable, Equatable {
    package var path: String
    /// 10 to 1000; 0 for the container's own.
    package var weight: UInt16
    package init(path: String, weight: UInt16) {
        self.path = path
        self.weight = weight
    }
}

/// One of `HostConfig.BlkioDeviceReadBps` and its like.
package struct ThrottleDevice: Codable, Sendable, Equatable {
    package var path: String
    /// Bytes or operations a second.
    package var rate: Int64
    package init(path: String, rate: Int64) {
        self.path = path
        self.rate = rate
    }
}

/// One of `HostConfig.DeviceRequests`.
package struct DeviceRequest: Codable, Sendable, Equatable {
    package var driver = ""
    /// −1 for all there are.
    package var count: Int64 = 0
    package var deviceIDs: [String]?
    /// Alternatives, of which each has all its words.
    package var capabilities: [[String]] = []
    /// The driver's own, by their names.
    package var options: [String: String] = [:]
    package init() {}
}

/// One of `ContainerSpec.Secrets` or of `ContainerSpec.Configs`: it has either the one pair of names or the other.
package struct FileReference: Encodable, Sendable, Equatable {
    /// The file that tasks find. Owner and group are names or numbers.
    package struct File: Encodable, Sendable, Equatable {
        package var name: String
        package var owner: String
        package var group: String
        /// Permissions, as chmod(2) takes them.
        package var mode: Int64
        package init(name: String, owner: String, group: String, mode: Int64) {
            self.name = name
            self.owner = owner
            self.group = group
            self.mode = mode
        }

        private enum CodingKeys: String, CodingKey {
            case name, mode
            case owner = "UID"
            case group = "GID"
        }
    }

    package var file: File
    package var secretID: String?
    package var secretName: String?
    package var configID: String?
    package var configName: String?
    package init(file: File) { self.file = file }
}

/// A node's specification as command lines change it: ``NodeSpec``, with whatever words a user has for role and availability, which are
/// the engine's to refuse.
package struct NodeSpecChange: Codable, Sendable, Equatable {
    package var name: String?
    @Zero package var labels: [String: String]
    @Zero package var role: String
    @Zero package var availability: String
    package init() {}
}

extension JSONValue {
    /// A value as the API writes it.
    /// - Throws: `EncodingError`: a number that JSON does not have.
    package init(encoding value: some Encodable) throws {
        self = try WireJSON.decode(JSONValue.self, from: WireJSON.encode(value))
    }

    /// A member of an object; `nil` when there is none, and of everything else.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }
}
