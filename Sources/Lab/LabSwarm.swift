import Addressing
import Faults
import FoundationEssentials

/// Makes one swarm of a lab's nodes, through their Engine APIs.
struct LabSwarm: Sendable {
    static let version = "/v1.44"
    static let port = 2377

    let paths: LabPaths

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

    private func expect(_ reply: EngineClient.Reply, _ what: String) throws {
        guard reply.status == 200 else {
            throw APIError(.unavailable, "swarm \(what) failed with status \(reply.status): \(reply.message)")
        }
    }
}
