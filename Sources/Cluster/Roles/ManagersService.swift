import Addressing
import EtcdStore
import GRPCCore
import Logging
import Model
import NodeProtocol
import StateStore
import SwiftProtobuf

/// What managers do for each other.
struct ManagersService: Wire.Managers.SimpleServiceProtocol {
    /// Patient as calls of nodes are.
    let writer: ObjectWriter
    let members: EtcdMembers
    let keys: SealingKeys
    let log: Logger

    func joinStore(request: Wire.JoinStoreRequest, context: ServerContext) async throws -> Wire.JoinStoreReply {
        let id = try Peer(context).member.nodeID
        if request.peerURL.isEmpty {
            guard let node = try await writer.get(Node.self, id), Self.mayJoin(node) else {
                throw Self.refusal(id)
            }
            return reply([])
        }
        let place = NodeAddress(id, context)
        let told = try place.parse(withPort: request.address)
        let address = told.address
        try place.check(address, of: try await writer.get(Node.self, id))
        // The store of a manager is where the manager is.
        let scheme = "https://"
        guard request.peerURL.utf8.count <= scheme.utf8.count + HostText.longest, request.peerURL.hasPrefix(scheme),
            let end = HostText.split(String(request.peerURL.dropFirst(scheme.count))), IPAddress(end.host) == address,
            let port = end.port.flatMap({ UInt16($0) }), port > 0,
            request.peerURL == scheme + HostText.join(address, Int(clamping: port))
        else {
            throw RPCError(
                code: .invalidArgument, message: "the store of a manager is not at \(request.peerURL.prefix(64))")
        }
        do {
            return reply(try await attach(id, request.peerURL, told))
        } catch let error as StateStoreError {
            throw RPCError(error)
        }
    }

    /// What a manager needs to be a member of the store.
    private func reply(_ members: [EtcdMember]) -> Wire.JoinStoreReply {
        let ring = keys.ring
        return .with {
            $0.members = members.map { member in
                .with {
                    $0.name = member.name
                    $0.peerURL = member.peerURLs.first ?? ""
                }
            }
            $0.secrets = ring.secrets.map { secret in
                .with {
                    $0.id = secret.id
                    $0.secret = secret.secret
                }
            }
            $0.currentSecret = ring.current ?? ""
        }
    }

    /// Where the node's member will be is written down before it is added: a member that belongs to no node would be removed.
    private func attach(_ id: String, _ url: String, _ address: TransportAddress) async throws -> [EtcdMember] {
        guard let node = try await writer.get(Node.self, id), Self.mayJoin(node) else { throw Self.refusal(id) }
        _ = try await writer.update(Node.self, id) { node in
            guard Self.mayJoin(node) else { throw Self.refusal(id) }
            let before = node
            node.membership = node.membership ?? .init()
            node.membership?.storeURL = url
            node.membership?.advertiseAddress = address
            var status = node.managerStatus ?? ManagerStatus()
            status.addr = address
            node.managerStatus = status
            return node != before
        }
        for known in try await members.list() {
            // The caller has no data: a member that began once cannot go on without it. One elsewhere is what it was before.
            let isFormer = known.name == id || (known.peerURLs.contains(url) && !known.name.isEmpty)
            if isFormer { try await members.remove(known.id) }
        }
        let (added, all) = try await members.add(peerURL: url)
        log.notice("a manager joins the store", metadata: ["node": "\(id)", "member": "\(added.id)", "url": "\(url)"])
        return all
    }

    private static func mayJoin(_ node: Node) -> Bool { node.spec.role == .manager && node.grantedRole == .manager }

    private static func refusal(_ id: String) -> RPCError {
        RPCError(code: .permissionDenied, message: "node \(id) is not a manager of this swarm")
    }
}
