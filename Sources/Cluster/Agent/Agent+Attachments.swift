import Concurrency
import EngineInterface
import Faults
import GRPCCore
import Model
import NodeProtocol
import SwiftProtobuf

extension Agent {
    /// How long a connection with a manager is waited for, as after a restart of the daemon.
    static let connectionTimeout = Duration.seconds(15)
    /// How long a manager may take: as long as it gives itself, and then some, for many may ask at once.
    static let attachmentDeadline = NodeTimeouts.attachment + .seconds(20)
    /// How long the network may take to be set up on this node once the manager has answered: other containers may start meanwhile.
    static let networkTimeout = Duration.seconds(30)

    /// Asks a manager for a place on a network, and waits until the network with that place in it is in force here.
    func attach(
        _ id: String, to network: String, _ spec: NetworkAttachmentSpec
    ) async throws -> NetworkAttachment {
        do {
            let attachment = try await request(id, network, spec)
            let networkID = attachment.network.id
            // Where this node is to choose an address the place is told of later, by this node itself.
            let isLater = attachment.network.isNodeLocal
            _ = try await withDeadline(
                Self.networkTimeout, orThrow: Self.late("the swarm has not told this node of the network in time")
            ) {
                try await self.board.networks.wait { applied in
                    (isLater ? applied.knows(networkID) : applied.has(id, in: networkID)) ? true : nil
                }
            }
            return attachment
        } catch let error as RPCError {
            throw AttachmentError.refused(
                network: network,
                reply: ManagerRefusal(error.faultKind, code: Self.goName(of: error.code), error.message))
        }
    }

    private func request(
        _ id: String, _ network: String, _ spec: NetworkAttachmentSpec
    ) async throws -> NetworkAttachment {
        let payload = try Wire.payload(spec)
        var options = NodeTransport.callOptions
        options.timeout = Self.attachmentDeadline
        let message = Wire.AttachRequest.with {
            $0.taskID = id
            $0.network = network
            $0.spec = payload
        }
        let end = ContinuousClock.now + Self.connectionTimeout
        while true {
            let client = try await withDeadline(Self.connectionTimeout, orThrow: Self.late("no manager answers")) {
                try await self.connection.wait { $0 }
            }
            do {
                let reply = try await Wire.Attachments.Client(wrapping: client).attach(message, options: options)
                return try Wire.value(NetworkAttachment.self, reply.attachment)
            } catch let error as RPCError where error.faultKind == .unavailable {
                // When the session has ended under the call, the next manager is asked, with the same id.
                guard ContinuousClock.now < end, await isOver(client) else { throw error }
            }
        }
    }

    /// Whether a session's connection is no longer the one of the moment, or will not be at once.
    private func isOver(_ client: NodeTransport.Client) async -> Bool {
        // What is thrown says that nothing has changed in time, or that the caller is cancelled.
        let change = try? await withDeadline(.seconds(1)) {
            try await self.connection.wait { $0 === client ? nil : true }
        }
        return change ?? false
    }

    private static func late(_ complaint: String) -> RPCError { RPCError(code: .deadlineExceeded, message: complaint) }

    /// A code's name as Docker's own transport spells it.
    private static func goName(of code: RPCError.Code) -> String {
        code.description.split(separator: " ").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
