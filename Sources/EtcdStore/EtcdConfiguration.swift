import LinuxSystem

/// How this node's member of the store is run. Clients have no TCP port: only the Unix socket in a directory for root alone.
package struct EtcdConfiguration: Sendable, Equatable {
    /// How the members reach each other.
    package enum Peers: Sendable, Equatable {
        /// No other members: the peer side is a Unix socket, too.
        case none
        /// `https://address:port`, both ends with certificates of the swarm's CA whose DNS name is a manager's.
        case tls(listen: String, advertise: String, TLSFiles)
    }

    /// PEM files. Certificate, key and revocation list are read for each handshake, so replacing them renews; the CA file is read at start only.
    package struct TLSFiles: Sendable, Equatable {
        package var authority: String
        /// Path of the member's certificate, for both directions.
        package var certificate: String
        /// Path of its private key.
        package var key: String
        /// The DNS name every manager's certificate carries, and no worker's: without it any certificate of the CA would open the peer port.
        package var allowedName: String
        /// A list of revoked certificates, of which the serial numbers count. It must be there, or nobody is let in.
        package var revocations: String?

        package init(
            authority: String, certificate: String, key: String, revocations: String? = nil,
            allowedName: String = "swarm-manager"
        ) {
            self.revocations = revocations
            self.allowedName = allowedName
            self.authority = authority
            self.certificate = certificate
            self.key = key
        }
    }

    /// What a member without data begins with; the data decides afterwards.
    package enum Beginning: Sendable, Equatable {
        /// A cluster of its own.
        case new
        /// A member already added (``EtcdMembers/add(peerURL:asLearner:)``): all members' names and peer URLs, its own included.
        case existing(members: [(name: String, peerURL: String)])

        package static func == (left: Beginning, right: Beginning) -> Bool {
            switch (left, right) {
            case (.new, .new): true
            case (.existing(let left), .existing(let right)):
                left.map(\.name) == right.map(\.name) && left.map(\.peerURL) == right.map(\.peerURL)
            case (.new, .existing), (.existing, .new): false
            }
        }
    }

    /// Path of the program; the installed one if `nil`.
    package var program: String?
    /// This member's name, as the node's id.
    package var name: String
    /// Below the daemon's root.
    package var dataDirectory: String
    /// For the sockets and the pid file, as `/run/apus/etcd`; made 0700.
    package var runDirectory: String
    /// What etcd says is written to its end.
    package var logFile: String
    /// The cluster's id: members of different clusters do not speak to each other.
    package var clusterToken: String
    package var peers: Peers
    package var beginning: Beginning
    /// Loses writes when the machine crashes: for tests and labs only.
    package var withoutFsync: Bool
    /// Forgets all other members: for a store that has lost its quorum for good. Only for one run, see ``EtcdSupervisor/forceNewCluster()``.
    var forcesNewCluster = false
    /// How large the database may become; beyond it only deletes are taken until old revisions have been removed.
    package var quotaBytes = 2 << 30

    package init(
        name: String, dataDirectory: String, runDirectory: String, logFile: String, clusterToken: String,
        peers: Peers = .none,
        beginning: Beginning = .new, withoutFsync: Bool = false, program: String? = nil
    ) {
        self.beginning = beginning
        self.clusterToken = clusterToken
        self.dataDirectory = dataDirectory
        self.logFile = logFile
        self.name = name
        self.peers = peers
        self.program = program
        self.runDirectory = runDirectory
        self.withoutFsync = withoutFsync
    }

    /// etcd names a Unix socket like a host and a port, and makes the file in its working directory.
    private static let clientSocket = "client:0"
    private static let peerSocket = "peer:0"
    /// A path in `sockaddr_un` (unix(7)), without the final zero.
    static let maximumSocketPath = 107

    /// Path of the clients' socket.
    package var socket: String { "\(runDirectory)/\(Self.clientSocket)" }
    var sockets: [String] { [socket, "\(runDirectory)/\(Self.peerSocket)"] }
    var pidFile: String { "\(runDirectory)/etcd.pid" }

    /// Whether the member has begun once: then its data decides which store it belongs to. Blocking.
    package func hasData() throws -> Bool {
        try !Files.list(dataDirectory + "/member/wal").isEmpty
    }

    /// The URL under which other members reach this one.
    package var peerURL: String {
        switch peers {
        case .none: "unix://\(Self.peerSocket)"
        case .tls(_, let advertise, _): advertise
        }
    }

    private var listenPeerURL: String {
        switch peers {
        case .none: "unix://\(Self.peerSocket)"
        case .tls(let listen, _, _): listen
        }
    }

    /// The command line. Source: etcd 3.4 `--help`; `--unsafe-no-fsync` is accepted though it is missing there.
    var arguments: [String] {
        var arguments = [
            "--name", name, "--data-dir", dataDirectory,
            "--listen-client-urls", "unix://\(Self.clientSocket)", "--advertise-client-urls",
            "unix://\(Self.clientSocket)",
            "--listen-peer-urls", listenPeerURL, "--initial-advertise-peer-urls", peerURL, "--initial-cluster-token",
            clusterToken,
            "--pre-vote", "--auto-compaction-mode", "periodic", "--auto-compaction-retention", "10m",
            "--quota-backend-bytes", "\(quotaBytes)", "--experimental-watch-progress-notify-interval", "10s",
            // Entries of the log stay in memory until the next snapshot; ours are a few KiB each.
            "--snapshot-count", "5000",
            "--logger", "zap", "--log-outputs", logFile,
        ]
        if case .tls(_, _, let files) = peers {
            arguments += [
                "--peer-client-cert-auth", "--peer-trusted-ca-file", files.authority, "--peer-cert-file",
                files.certificate,
                "--peer-key-file", files.key, "--peer-cert-allowed-hostname", files.allowedName,
                // Who connects is known by the name; the address is another one where a manager has several, or is behind a translator.
                "--experimental-peer-skip-client-san-verification",
            ]
            if let revocations = files.revocations { arguments += ["--peer-crl-file", revocations] }
        }
        if forcesNewCluster { arguments.append("--force-new-cluster") }
        if withoutFsync { arguments.append("--unsafe-no-fsync") }
        return arguments
    }

    /// What matters only to a member that has no data yet.
    var firstArguments: [String] {
        switch beginning {
        case .new: ["--initial-cluster-state", "new", "--initial-cluster", "\(name)=\(peerURL)"]
        case .existing(let members):
            [
                "--initial-cluster-state", "existing", "--initial-cluster",
                members.map { "\($0.name)=\($0.peerURL)" }.joined(separator: ","),
            ]
        }
    }

    /// Go's collector runs earlier than it would by itself: the store of a swarm is small, and half of its heap is garbage
    /// otherwise. On some machines etcd asks that who runs it knows what that means.
    var environment: [String] {
        #if arch(arm64)
            ["GOGC=50", "ETCD_UNSUPPORTED_ARCH=arm64"]
        #else
            ["GOGC=50"]
        #endif
    }
}
