import DockerMessages
import GRPCCore
import Faults
import Model
import NodeProtocol
import SwiftProtobuf

/// Attachments as nodes ask for them.
struct AttachmentService: Wire.Attachments.SimpleServiceProtocol {
    let manager: Manager

    func attach(request: Wire.AttachRequest, context: ServerContext) async throws -> Wire.AttachReply {
        let nodeID = try Peer(context).member.nodeID
        let spec = try NodeReports.attachment(request.spec)
        // An id becomes part of a key.
        guard (1...64).contains(request.taskID.utf8.count),
            request.taskID.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) }),
            NodeReports.isName(request.network)
        else {
            throw RPCError(code: .invalidArgument, message: "an attachment without an id or a network")
        }
        do {
            let attachment = try await manager.attach(request.taskID, of: nodeID, to: request.network, spec)
            let payload = try Wire.payload(attachment)
            return .with { $0.attachment = payload }
        } catch let fault as any Fault {
            // The node hands the text on to its user.
            throw RPCError(fault, message: DockerMessage.text(of: fault))
        }
    }
}
