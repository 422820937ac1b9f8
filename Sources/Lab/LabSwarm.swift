import Addressing
import Faults
import FoundationEssentials

/// Makes one swarm of a lab's nodes, through their Engine APIs.
struct LabSwarm: Sendable {
    static let version = "/v1.44"
    static let port = 2377

    let paths: LabPaths
    let underlay: LabUnderlay

    private struct Bridge: Encodable {
        let Name = "docker_gwbridge"
        let Driver = "bridge"
        let EnableIPv6 = true
        let Options = [
            "com.docker.network.bridge.name": "docker_gwbridge", "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.bridge.enable_ip_masquerade": "true",
        ]
    }

    private struct Init: Encodable {
        let ListenAddr: String
        let AdvertiseAddr: String
    }

    private struct Join: Encodable {
        let ListenAddr: String
        let AdvertiseAddr: String
        let RemoteAddrs: [String]
        let JoinToken: String
    }

    private struct Swarm: Decodable {
        struct Tokens: Decodable {
            let Worker: String
            let Manager: String
        }
        let JoinTokens: Tokens
    }

    func form(of nodes: [LabState.Node]) async throws {
        guard let first = nodes.first else { return }
        if underlay.hasIPv6 {
            // As Docker lets it be made by hand, before there is a swarm; what the daemon makes by itself has IPv4 alone.
            for node in nodes {
                let made = try await EngineClient(socket: paths.socket(node.name)).post(
                    Self.version + "/networks/create", Bridge())
                try expect(made, "docker_gwbridge of \(node.name)", status: 201)
            }
        }
        let manager = EngineClient(socket: paths.socket(first.name))
        let listen = HostText.join(.unspecified(first.address.family), Self.port)
        let initialised = try await manager.post(
            Self.version + "/swarm/init", Init(ListenAddr: listen, AdvertiseAddr: "\(first.address)"))
        try expect(initialised, "init on \(first.name)")
        let inspected = try await manager.get(Self.version + "/swarm")
        try expect(inspected, "join tokens of \(first.name)")
        let tokens = try JSONDecoder().decode(Swarm.self, from: Data(inspected.body)).JoinTokens
        for node in nodes.dropFirst() {
            let reply = try await EngineClient(socket: paths.socket(node.name)).post(
                Self.version + "/swarm/join",
                Join(
                    ListenAddr: listen, AdvertiseAddr: "\(node.address)",
                    RemoteAddrs: [HostText.join(first.address, Self.port)],
                    JoinToken: node.role == "manager" ? tokens.Manager : tokens.Worker))
            try expect(reply, "join of \(node.name)")
        }
    }

    private func expect(_ reply: EngineClient.Reply, _ what: String, status: Int = 200) throws {
        guard reply.status == status else {
            throw APIError(.unavailable, "swarm \(what) failed with status \(reply.status): \(reply.message)")
        }
    }
}
