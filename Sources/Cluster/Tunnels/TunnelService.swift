import Concurrency
package import GRPCCore
package import NodeProtocol

/// The edge at which nodes open the calls that they were asked for.
package struct TunnelService: Wire.Tunnels.SimpleServiceProtocol {
    private let hub: TunnelHub

    init(_ hub: TunnelHub) { self.hub = hub }

    /// Hands the call to whoever has asked, and keeps it open until he needs it no more or the node has ended it.
    package func open(
        request: RPCAsyncSequence<Wire.TunnelAnswer, any Error>, response: RPCWriter<Wire.TunnelQuestion>,
        context: ServerContext
    ) async throws {
        let nodeID = try Peer(context).member.nodeID
        let over = Promise<Void>()
        try hub.enter(nodeID, over)
        defer { hub.leave(nodeID, over) }
        let answers = TunnelAnswers(request)
        guard case .id(let id)? = try await answers.next()?.content else {
            throw RPCError(code: .invalidArgument, message: "a tunnel begins with its id")
        }
        try hub.accept(id, of: nodeID, answers, response, over: over)
        // The reader may not read at present, and would not see that the node has gone.
        try await withRPCCancellationHandler {
            try await over.value()
        } onCancelRPC: {
            over.fail(RPCError(code: .cancelled, message: "the node has ended the call"))
        }
    }
}
