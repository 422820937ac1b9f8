package import GRPCCore
import LinuxSystem
package import NodeProtocol

/// The log broker's edge to the nodes.
package struct LogBrokerService: Wire.LogBroker.SimpleServiceProtocol {
    private let broker: LogBroker

    package init(_ broker: LogBroker) { self.broker = broker }

    /// Tells a node which logs are asked for, all of them each time.
    package func wanted(
        request: Wire.WantedLogsRequest, response: RPCWriter<Wire.WantedLogs>, context: ServerContext
    ) async throws {
        let nodeID = try Peer(context).member.nodeID
        let listener = RandomID.swarm()
        let wakeUps = try broker.listen(nodeID, listener: listener)
        defer { broker.unlisten(nodeID, listener: listener) }
        // Nobody else tells of the end of a connection that nothing is written to.
        try await withRPCCancellationHandler {
            for await _ in wakeUps { try await response.write(broker.wanted(of: nodeID)) }
        } onCancelRPC: {
            broker.unlisten(nodeID, listener: listener)
        }
        throw RPCError(code: .aborted, message: "another connection of the node has taken over, or this manager ends")
    }

    /// Takes the lines of one request from a node, as fast as they are read.
    package func publish(
        request: RPCAsyncSequence<Wire.LogBatch, any Error>, context: ServerContext
    ) async throws -> Wire.LogReply {
        let nodeID = try Peer(context).member.nodeID
        var intake: LogIntake?
        var ending = LogBroker.Ending.broken
        let result = await Result {
            for try await batch in request {
                let known = try intake ?? broker.accept(nodeID, batch.requestID)
                intake = known
                do { try await known.take(batch) } catch let error as RPCError {
                    ending = .refused
                    throw error
                }
                ending = batch.isEnd ? .whole : .broken
            }
        }
        if let intake { broker.end(intake, ending) }
        try result.get()
        return Wire.LogReply()
    }
}
