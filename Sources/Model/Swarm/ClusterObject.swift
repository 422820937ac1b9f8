/// The swarm itself. Source: Engine API 1.50, `Swarm`.
package struct ClusterObject: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    @Zero package var spec: ClusterSpec
    @Zero package var tlsInfo: TLSInfo
    @Zero package var rootRotationInProgress: Bool
    @Nullable package var defaultAddrPool: [String]?
    /// Prefix length of the subnets that are taken from ``defaultAddrPool``.
    @Zero package var subnetSize: Int
    @Zero package var dataPathPort: Int
    package var joinTokens: JoinTokens?
    /// Certificates of managers that count no more though their time is not over; the API does not show them.
    package var revoked: [CertificateRecord]?
    /// Which secrets the store's values are sealed with, by their ids; the API does not show them.
    package var sealing: Sealing?
    /// What encrypted overlays' keys are derived from; the API does not show it. `nil` for a swarm that has had no such network.
    package var overlayKeys: OverlayKeyring?

    package init(id: String) { self.id = id }

    /// Which secrets of the store are in use, and which are to come.
    package struct Sealing: Codable, Sendable, Equatable {
        /// `nil` while values are stored in clear.
        package var current: String?
        /// The one that takes its place when every manager has it.
        package var next: String?
        /// The present one is known to somebody who is no manager any more.
        package var isOld: Bool?
        package init(current: String? = nil) { self.current = current }
    }

    /// What lets nodes in. Only managers show them.
    package struct JoinTokens: Codable, Sendable, Equatable {
        @Zero package var worker: String
        @Zero package var manager: String
        package init(worker: String, manager: String) {
            self.manager = manager
            self.worker = worker
        }
    }
}

/// What a user may change of a swarm. Source: Engine API 1.50, `SwarmSpec`.
package struct ClusterSpec: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var labels: [String: String]
    package var orchestration: Orchestration?
    package var raft: JSONValue?
    package var dispatcher: Dispatcher?
    package var caConfig: CAConfiguration?
    package var taskDefaults: TaskDefaults?
    package var encryptionConfig: Encryption?

    package init() {}

    /// How long what has ended is remembered.
    package struct Orchestration: Codable, Sendable, Equatable {
        /// Tasks of a slot that are kept, the present one included; absent means 5.
        package var taskHistoryRetentionLimit: Int64?
        package init() {}
    }
    /// Nanoseconds.
    package struct Dispatcher: Codable, Sendable, Equatable {
        /// How often nodes give a sign of life; absent means 5 s.
        package var heartbeatPeriod: Int64?
        package init() {}
    }
    /// How certificates are given.
    package struct CAConfiguration: Codable, Sendable, Equatable {
        /// Nanoseconds.
        package var nodeCertExpiry: Int64?
        package var externalCAs: [JSONValue]?
        package var signingCACert: String?
        package var signingCAKey: String?
        /// Another number asks for a new root; refused.
        package var forceRotate: UInt64?
        package init() {}
    }
    /// What holds for tasks whose service says nothing.
    package struct TaskDefaults: Codable, Sendable, Equatable {
        package var logDriver: Driver?
        package init() {}
    }
    /// Whether managers are locked; refused.
    package struct Encryption: Codable, Sendable, Equatable {
        @Zero package var autoLockManagers: Bool
        package init() {}
    }
}

/// The body of `POST /swarm/init`.
package struct SwarmInitRequest: Codable, Sendable {
    @Zero package var listenAddr: String
    @Zero package var advertiseAddr: String
    @Zero package var dataPathAddr: String
    @Zero package var dataPathPort: Int
    package var defaultAddrPool: [String]?
    /// Prefix length; 0 means 24.
    @Zero package var subnetSize: Int
    @Zero package var forceNewCluster: Bool
    @Zero package var autoLockManagers: Bool
    package var availability: String?
    /// The ingress network's subnet. Not Docker's.
    package var ingressPool: String?
    package var spec: ClusterSpec?
    package init() {}
}

/// The body of `POST /swarm/join`.
package struct SwarmJoinRequest: Codable, Sendable {
    @Zero package var listenAddr: String
    @Zero package var advertiseAddr: String
    @Zero package var dataPathAddr: String
    @Zero package var remoteAddrs: [String]
    @Zero package var joinToken: String
    package var availability: String?
    package init() {}
}

/// The `Swarm` of `GET /info`.
package struct SwarmInfo: Codable, Sendable, Equatable {
    @Zero package var nodeID: String
    @Zero package var nodeAddr: String
    /// `inactive`, `pending`, `active`, `error`, `locked`.
    package var localNodeState = "inactive"
    @Zero package var controlAvailable: Bool
    @Zero package var error: String
    @Nullable package var remoteManagers: [RemoteManager]?
    /// How many; only on managers.
    package var nodes: Int?
    /// How many; only on managers.
    package var managers: Int?
    package var cluster: ClusterObject?

    package init() {}

    /// A manager as a node knows it.
    package struct RemoteManager: Codable, Sendable, Equatable {
        @Zero package var nodeID: String
        @Zero package var addr: String
        package init(nodeID: String, addr: String) {
            self.addr = addr
            self.nodeID = nodeID
        }
    }
}
