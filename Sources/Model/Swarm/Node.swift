package import Addressing

/// A member of the swarm. Source: Engine API 1.50, `Node`.
package struct Node: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    @Zero package var spec: NodeSpec
    package var description: NodeDescription?
    @Zero package var status: NodeStatus
    package var managerStatus: ManagerStatus?
    /// What only the swarm itself needs; the API does not show it.
    package var membership: Membership?

    package init(id: String) { self.id = id }

    /// What the swarm knows of a node besides what its user and it itself say.
    package struct Membership: Codable, Sendable, Equatable {
        /// The addresses of the node's ingress sandbox in the ingress network.
        package var ingressAddresses: HostAddresses?
        /// The tag of the node's ingress sandbox; `nil`: the one that follows from the addresses.
        package var assignedIngressTag: EndpointTag?
        /// Where VXLAN reaches the node.
        @BlankIfNone package var dataPathAddress: IPAddress?
        /// PEM of the node's certificate.
        @Zero package var certificate: String
        /// The certificates of a manager that the node has been given and that have not expired.
        package var issued: [CertificateRecord]?
        /// The role that the node's certificate may have. It follows what the specification asks for, but a manager keeps it until it
        /// is no member of the store any more.
        package var role: NodeRole?
        /// Where others reach the node when it is a manager.
        @NilIfUnread package var advertiseAddress: TransportAddress?
        /// Where the node's member of the store listens.
        package var storeURL: String?
        /// The newest secret of the store that the node has, by its id.
        package var storeSecret: String?
        /// Versions of the object from this one on have the present specification.
        package var specSince: UInt64?
        /// The session that tells of the node's life.
        package var session: Session?
        /// What others need to know to send the node what is encrypted; `nil` until it has said that it can.
        package var encryption: EncryptionPlace?
        /// Whether its program carries the routing mesh in both families; `nil` for one that knows of IPv4 alone there.
        package var hasDualMesh: Bool?
        package init() {}

        private enum CodingKeys: String, CodingKey {
            case assignedIngressTag, dataPathAddress, certificate, issued, role, advertiseAddress, storeURL, storeSecret
            case specSince, session, encryption, hasDualMesh
            case ingressAddresses = "ingressAddress"
        }
    }

    /// A node's connection with a manager.
    package struct Session: Codable, Sendable, Equatable {
        /// The id of the manager that the node is connected with.
        @Zero package var manager: String
        @Zero package var id: String
        package init(manager: String, id: String) {
            self.id = id
            self.manager = manager
        }
    }

    /// The role that the node's certificate may have, see ``Membership/role``.
    package var grantedRole: NodeRole { membership?.role ?? spec.role }
}

/// What a user may change of a node.
package struct NodeSpec: Codable, Sendable, Equatable {
    package var name: String?
    @Zero package var labels: [String: String]
    /// `worker` or `manager`.
    @Zero package var role: NodeRole
    @Zero package var availability: NodeAvailability

    package init() {}
}

/// In a specification what a user wants a node to be, elsewhere what its certificate says.
package enum NodeRole: String, Codable, Sendable { case worker, manager }
/// Whether a node gets tasks; `pause` keeps those that it has, `drain` does not.
package enum NodeAvailability: String, Codable, Sendable { case active, pause, drain }
/// Whether a node gives signs of life.
package enum NodeState: String, Codable, Sendable { case unknown, down, ready, disconnected }

/// How a node is, as managers see it.
package struct NodeStatus: Codable, Sendable, Equatable {
    @Zero package var state: NodeState
    package var message: String?
    /// Where the node is reached.
    @BlankIfNone package var addr: IPAddress?
    package init() {}
}

/// How a manager is; absent for workers.
package struct ManagerStatus: Codable, Sendable, Equatable {
    package var leader: Bool?
    /// `unknown`, `unreachable`, `reachable`.
    package var reachability = "unknown"
    /// Where others reach it.
    @BlankIfNone package var addr: TransportAddress?
    package init() {}
}

/// What a node says of itself when its session begins.
package struct NodeDescription: Codable, Sendable, Equatable {
    @OmittedZero package var hostname: String
    @Zero package var platform: Platform
    @Zero package var resources: NodeResources
    @Zero package var engine: EngineDescription
    package var tlsInfo: TLSInfo?
    /// Subnets that the node's own network routes; the API does not show them. `nil` for one that has not told.
    @WithoutUnread package var routedSubnets: [IPNetwork]?
    /// Which of ``routedSubnets`` are nobody's at the node, and only to be kept clear of (`--avoid-subnet`); `nil` from programs that do not say. The API
    /// does not show them.
    @WithoutUnread package var avoidedSubnets: [IPNetwork]?
    /// The addresses of the name servers that the node asks; the API does not show them either.
    @WithoutUnread package var resolvers: [IPAddress]?
    /// How it encrypts what encrypted overlays send; the API does not show it. `nil` from programs that know of none.
    package var encryption: NodeEncryption?
    /// Where it serves its metrics over TCP; `nil` when it does not. The API does not show it.
    @NilIfUnread package var metricsAddress: NodeMetricsAddress?
    /// Whether its kernel has SCTP; `nil` from programs that do not say. The API does not show it.
    package var hasSCTP: Bool?

    package init() {}

    /// Operating system and processor in Go's or the kernel's words: `linux`, `x86_64`.
    package struct Platform: Codable, Sendable, Equatable, Hashable {
        @Zero package var architecture: String
        @Zero package var system: String
        package init(architecture: String = "", system: String = "") {
            self.architecture = architecture
            self.system = system
        }
    }
    /// The node's engine.
    package struct EngineDescription: Codable, Sendable, Equatable {
        @Zero package var engineVersion: String
        package var labels: [String: String]?
        @Zero package var plugins: [Plugin]
        package init() {}
    }
    /// A driver that the engine has: `Network`, `Volume` or `Log`, and its name.
    package struct Plugin: Codable, Sendable, Equatable {
        @Zero package var type: String
        @Zero package var name: String
        package init(type: String, name: String) {
            self.type = type
            self.name = name
        }
    }
}

/// Amounts of a node, or asked for by a task. CPU in 10⁻⁹ of a CPU.
package struct NodeResources: Codable, Sendable, Equatable {
    /// Billionths of a processor.
    @OmittedZero package var nanoCPUs: Int64
    @OmittedZero package var memoryBytes: Int64
    /// Processes and threads; 0 means no limit.
    @OmittedZero package var pids: Int64
    package var genericResources: [GenericResource]?
    package init() {}
}

/// The root that a node trusts, and who has signed its certificate.
package struct TLSInfo: Codable, Sendable, Equatable {
    /// PEM.
    @Zero package var trustRoot: String
    /// Base64 of DER.
    @Zero package var certIssuerSubject: String
    @Zero package var certIssuerPublicKey: String
    package init() {}
}
