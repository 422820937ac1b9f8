import Concurrency
import EngineInterface
import GRPCCore
import GRPCNIOTransportHTTP2
import Logging
import Model
import NIOCore
import NIOFoundationCompat
import NodeProtocol
import SwiftProtobuf
import Synchronization

/// A node's side of tunnels: opens the calls that a manager asks for, on the connection on which it was asked, and has them answered. Only the
/// managers that the node has connected to itself, and that have shown a manager's certificate, can ask.
struct TunnelOpener: Sendable {
    /// Calls to one manager at once; what is asked beyond is not opened. No manager of ours asks for more.
    static let most = TunnelHub.mostOfNode

    let containers: TaskContainers?
    let events: (any EventExchange)?
    let membership: MembershipFile
    let log: Logger

    /// Whether there is anything to ask here.
    var isAble: Bool { containers != nil }

    /// The calls that one manager wants opened, by their ids.
    static func makeRequests() -> (stream: AsyncStream<String>, continuation: AsyncStream<String>.Continuation) {
        AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(most))
    }

    /// Opens calls until cancelled; all of them end then.
    /// - Parameter manager: Its address.
    func run(_ client: NodeTransport.Client, _ requests: AsyncStream<String>, manager: String) async throws {
        let tunnels = Wire.Tunnels.Client(wrapping: client)
        let open = OpenCalls()
        await withDiscardingTaskGroup { group in
            for await id in requests {
                guard let containers, open.begin() else { continue }
                group.addTask {
                    defer { open.end() }
                    await self.open(id, tunnels, containers, manager)
                }
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    private func open(
        _ id: String, _ tunnels: Wire.Tunnels.Client<HTTP2ClientTransport.Posix>, _ containers: TaskContainers,
        _ manager: String
    ) async {
        let beginning = Promise<Wire.TunnelBeginning>()
        let input = Promise<any AttachedStreams>()
        let asker = membership.value.managers.first { $0.addr == manager }?.nodeID ?? manager
        do {
            try await tunnels.open(options: NodeTransport.streamOptions) { writer in
                try await writer.write(.with { $0.id = id })
                let question = try await beginning.value()
                try await TunnelAnswerer(containers: containers, events: events, manager: asker, writer: writer)
                    .answer(question, input)
            } onResponse: { response in
                var hasBegun = false
                for try await message in response.messages {
                    switch message.content {
                    case .beginning(let question)? where !hasBegun:
                        hasBegun = true
                        beginning.succeed(question)
                    // As fast as the process reads it.
                    case .input(let bytes)? where hasBegun: try await input.value().write(ByteBuffer(data: bytes))
                    case .inputEnd? where hasBegun: await (try await input.value()).closeInput()
                    // Of a newer version.
                    case nil where hasBegun: continue
                    case .beginning?, .input?, .inputEnd?, nil:
                        throw RPCError(code: .invalidArgument, message: "a tunnel begins with its question")
                    }
                }
            }
        } catch {
            guard !Task.isCancelled else { return }
            log.debug("a tunnel ended", metadata: ["manager": "\(manager)", "error": "\(error)"])
        }
    }
}

/// Counts calls that are open.
private final class OpenCalls: Sendable {
    private let count = Mutex(0)

    /// False when there are as many as there may be.
    func begin() -> Bool {
        count.withLock { count in
            guard count < TunnelOpener.most else { return false }
            count += 1
            return true
        }
    }

    func end() { count.withLock { $0 -= 1 } }
}
