/// How nodes pull the image of a task. In what is kept of services and sent to nodes alone: requests cannot set it, and answers do not have it.
/// Source: swarmkit, `ContainerSpec.PullOptions`.
package struct PullOptions: Codable, Sendable, Equatable {
    /// What one service may keep: each of its tasks has it once more.
    package static let mostBytes = 16 << 10

    /// `X-Registry-Auth` as the client has sent it.
    package var registryAuth: String?

    package init(registryAuth: String?) { self.registryAuth = registryAuth }

    package init(from decoder: any Decoder) throws {
        // A body may have anything of this name, which nobody looks at: it is no reason to refuse the request.
        let fields = try? decoder.container(keyedBy: CodingKeys.self)
        // As above.
        registryAuth = try? fields?.decodeIfPresent(String.self, forKey: .registryAuth)
    }
}

extension PullOptions: CustomStringConvertible {
    /// Without the credentials: specifications get into logs.
    package var description: String { registryAuth == nil ? "no credentials" : "credentials, not shown" }
}

extension TaskSpec {
    /// The credentials that nodes pull the image with; `nil` for none. What has no container keeps none.
    package var registryAuth: String? {
        get { containerSpec?.pullOptions?.registryAuth }
        set { containerSpec?.pullOptions = newValue.map { PullOptions(registryAuth: $0) } }
    }
}

/// Where an update of a service takes the nodes' credentials from that brings none itself. Source: Engine API 1.50, `registryAuthFrom`.
package enum CredentialsOrigin: String, Sendable {
    case spec
    case previousSpec = "previous-spec"
}
