import Concurrency
package import GRPCCore
package import NodeProtocol
import SwiftProtobuf

/// The edge of the nodes' feeds.
package struct FeedService: Wire.Feed.SimpleServiceProtocol {
    private let hub: FeedHub

    init(_ hub: FeedHub) { self.hub = hub }

    /// Takes in what a node tells, as fast as it is kept, and asks it, until either ends.
    package func tell(
        request: RPCAsyncSequence<Wire.FeedMessage, any Error>, response: RPCWriter<Wire.FeedReply>,
        context: ServerContext
    ) async throws {
        let member = try Peer(context).member
        let nodeID = member.nodeID
        let line = hub.open(nodeID)
        defer { hub.close(nodeID, line) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.hear(request, nodeID, isManager: member.role == .manager, line) }
            group.addTask { try await self.answer(response, line) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func hear(
        _ request: RPCAsyncSequence<Wire.FeedMessage, any Error>, _ nodeID: String, isManager: Bool,
        _ line: FeedHub.Line
    ) async throws {
        var log: String?
        for try await message in request {
            switch (message.content, log) {
            case (.beginning(let beginning), nil):
                guard (1...64).contains(beginning.log.utf8.count) else {
                    throw RPCError(code: .invalidArgument, message: "a log without an id")
                }
                log = beginning.log
                let known = hub.known(of: beginning.log, at: nodeID)
                line.state.change {
                    $0.kept = known
                    $0.opensTunnels = beginning.opensTunnels
                }
            case (.events(let batch), let log?):
                let kept = try await hub.take(batch, of: log, at: nodeID, isManager: isManager)
                if let kept { line.state.change { $0.kept = kept } }
            case (.pulse(let pulse), .some): hub.take(pulse, of: nodeID)
            case (.answer(let answer), .some): try hub.take(answer, of: nodeID)
            case (.containers(let news), .some): try hub.take(news, of: nodeID, on: line)
            // Of a newer version.
            case (nil, .some): continue
            case (.beginning, .some), (.events, nil), (.pulse, nil), (.answer, nil), (.containers, nil), (nil, nil):
                throw RPCError(code: .invalidArgument, message: "a feed begins with its beginning")
            }
        }
    }

    private func answer(_ response: RPCWriter<Wire.FeedReply>, _ line: FeedHub.Line) async throws {
        var told: Int64?
        while true {
            let (kept, isOver) = try await line.state.wait { [told] state in
                let hasNews = state.kept != told || !state.queries.isEmpty || !state.tunnels.isEmpty
                return state.kept != nil && hasNews || state.isOver
                    ? (state.kept, state.isOver) : nil
            }
            if isOver { throw RPCError(code: .aborted, message: "another connection of the node has taken over") }
            var queries: [Wire.HistoryQuery] = []
            var tunnels: [String] = []
            line.state.change { state in
                (queries, tunnels) = (state.queries, state.tunnels)
                (state.queries, state.tunnels) = ([], [])
            }
            try await response.write(
                .with {
                    $0.kept = kept ?? 0
                    $0.queries = queries
                    $0.tunnels = tunnels
                })
            told = kept
        }
    }
}
