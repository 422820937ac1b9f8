import Concurrency
import DockerMessages
import EngineInterface
import GRPCCore
import GRPCNIOTransportHTTP2
import Logging
import Logs
import Model
import NIOPosix
import NodeProtocol
import SwiftProtobuf
import Synchronization

/// A node's side of the log broker: asks every manager which logs it wants, and sends them.
///
/// Each manager has a connection of its own for this, beside that of the session: a log that is not read holds up nothing else, and any
/// manager can answer for all nodes.
struct LogPublisher: Sendable {
    /// How long a line waits for lines of this node's other tasks.
    static let window = Duration.milliseconds(250)
    /// How long a log may take to be read. Managers see signs of life meanwhile.
    static let timeout = Duration.seconds(30)
    /// How often to say until when the lines are complete.
    static let watermarks = Duration.milliseconds(200)
    /// A sign of life comes at least as often.
    static let signInterval = Duration.seconds(1)
    static let windowBytes = 1 << 20
    /// Lines of one message; a longer line travels alone.
    static let batchBytes = 64 << 10

    typealias Broker = Wire.LogBroker.Client<HTTP2ClientTransport.Posix>

    let membership: MembershipFile
    let identity: TLSIdentity
    let executor: any TaskExecutor
    /// Told on the same connection.
    let feed: FeedPublisher
    /// Opened on it as well.
    let tunnels: TunnelOpener
    let group: MultiThreadedEventLoopGroup
    let log: Logger

    /// Runs until cancelled.
    func run() async throws {
        let served = Served()
        try await withThrowingDiscardingTaskGroup { tasks in
            var seen = -1
            while true {
                seen = try await membership.changes.wait { [seen] in $0 > seen ? $0 : nil }
                for address in managers where served.begin(address) {
                    tasks.addTask { await self.serve(address, served) }
                }
            }
        }
    }

    /// The managers that are served.
    private final class Served: Sendable {
        private let addresses = Mutex<Set<String>>([])

        /// False when it is served already.
        func begin(_ address: String) -> Bool { addresses.withLock { $0.insert(address).inserted } }

        /// True when it is served no more; decided in one go with ``begin(_:)``, so that none falls between.
        func end(_ address: String, unless isWanted: () -> Bool) -> Bool {
            addresses.withLock { addresses in
                guard !isWanted() else { return false }
                addresses.remove(address)
                return true
            }
        }
    }

    private var managers: Set<String> { Set(membership.value.managers.map(\.addr)) }

    /// Serves one manager for as long as it is one.
    private func serve(_ address: String, _ served: Served) async {
        repeat {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    // Only cancellation is thrown: the group ends either way.
                    _ = try? await self.membership.changes.wait { _ in self.managers.contains(address) ? nil : true }
                }
                tasks.addTask { await self.connections(to: address) }
                await tasks.next()
                tasks.cancelAll()
            }
        } while !served.end(address, unless: { managers.contains(address) && !Task.isCancelled })
    }

    /// One connection after the other.
    private func connections(to address: String) async {
        var pause = Agent.initialBackoff
        while !Task.isCancelled {
            let begun = ContinuousClock.now
            do { try await connection(to: address) } catch {
                guard !Task.isCancelled else { return }
                log.debug("log connection ended", metadata: ["manager": "\(address)", "error": "\(error)"])
            }
            if ContinuousClock.now - begun > Agent.maximumBackoff { pause = Agent.initialBackoff }
            // Cancellation shows in the loop's condition.
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
            pause = min(pause * 2, Agent.maximumBackoff)
        }
    }

    private func connection(to address: String) async throws {
        try await NodeTransport.withClient(
            to: address, identity: identity, check: .manager(clusterID: membership.value.clusterID),
            window: Self.windowBytes, group: group
        ) { client in
            let (wanted, wants) = TunnelOpener.makeRequests()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await self.feed.run(client, tunnels: self.tunnels.isAble ? wants : nil) }
                tasks.addTask { try await self.requests(client) }
                tasks.addTask { try await self.tunnels.run(client, wanted, manager: address) }
                defer { tasks.cancelAll() }
                try await tasks.next()
            }
        }
    }

    /// Sends what is asked for until the call ends.
    private func requests(_ client: NodeTransport.Client) async throws {
        let broker = Broker(wrapping: client)
        try await broker.wanted(.init(), options: NodeTransport.streamOptions) { response in
            try await withThrowingDiscardingTaskGroup { tasks in
                var present: [String: ObservableValue<Wire.LogRequest?>] = [:]
                for try await message in response.messages {
                    let wanted = Dictionary(message.requests.map { ($0.id, $0) }) { $1 }
                    for (id, request) in present where wanted[id] == nil {
                        request.set(nil)
                        present[id] = nil
                    }
                    for (id, request) in wanted {
                        if let known = present[id] {
                            if known.value != request { known.set(request) }
                            continue
                        }
                        let latest = ObservableValue<Wire.LogRequest?>(request)
                        present[id] = latest
                        tasks.addTask { await self.publish(latest, broker) }
                    }
                }
                tasks.cancelAll()
            }
        }
    }

    // MARK: One request

    /// Sends the lines of one request until they end or are not wanted any more, from the beginning when the manager has not taken them up.
    private func publish(_ wanted: ObservableValue<Wire.LogRequest?>, _ broker: Broker) async {
        var pause = Agent.initialBackoff
        while let request = wanted.value {
            do { return try await publish(request, wanted, broker) } catch {
                guard !Task.isCancelled, (error as? RPCError)?.code != .permissionDenied else { return }
                log.debug("logs were not published", metadata: ["request": "\(request.id)", "error": "\(error)"])
            }
            // Cancellation shows in the next attempt.
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
            pause = min(pause * 2, Agent.maximumBackoff)
        }
    }

    private func publish(
        _ request: Wire.LogRequest, _ wanted: ObservableValue<Wire.LogRequest?>, _ broker: Broker
    ) async throws {
        let merger = LogMerger<String>(window: Self.window, timeout: Self.timeout)
        let notes = Notes()
        for id in request.taskIds { merger.add(id) }
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await self.feed(merger, notes, wanted, from: request)
                return false
            }
            tasks.addTask {
                _ = try await broker.publish(options: NodeTransport.streamOptions) { writer in
                    try await self.send(request, merger, notes, writer)
                }
                return true
            }
            tasks.addTask { try await wanted.wait { $0 == nil ? true : nil } }
            defer { tasks.cancelAll() }
            for try await isOver in tasks where isOver { return }
        }
    }

    /// What is told of tasks beside their lines, in the next message.
    private final class Notes: Sendable {
        private let waiting = Mutex(Wire.LogBatch())

        func add(_ taskID: String, _ error: any Error) {
            waiting.withLock { waiting in
                waiting.failures.append(
                    .with {
                        $0.taskID = taskID
                        $0.reason = DockerMessage.text(of: error)
                    })
            }
        }

        func add(_ taskID: String, details: [String: String]) {
            waiting.withLock { waiting in
                waiting.details.append(
                    .with {
                        $0.taskID = taskID
                        $0.attributes = details
                    })
            }
        }

        /// A message with all of it, and nothing else.
        func take() -> Wire.LogBatch {
            waiting.withLock { waiting in
                defer { waiting = Wire.LogBatch() }
                return waiting
            }
        }
    }

    /// Reads the logs of the tasks that are asked for, those that come later, too.
    private func feed(
        _ merger: LogMerger<String>, _ notes: Notes, _ wanted: ObservableValue<Wire.LogRequest?>,
        from first: Wire.LogRequest
    ) async throws {
        let merged = Set(first.taskIds)
        try await withThrowingDiscardingTaskGroup { tasks in
            var present: Set<String> = []
            var seen: Wire.LogRequest?
            while true {
                let request = try await wanted.wait { [seen] in $0 == seen ? nil : $0 }
                for id in request.taskIds where present.insert(id).inserted {
                    if !merged.contains(id) { merger.add(id, isLive: true) }
                    tasks.addTask { await self.read(id, request, merger, notes) }
                }
                if request.isFinal { return merger.close() }
                seen = request
            }
        }
    }

    private func read(
        _ id: String, _ request: Wire.LogRequest, _ merger: LogMerger<String>, _ notes: Notes
    ) async {
        do {
            if request.details {
                let details = try await executor.taskLogDetails(id: id)
                if !details.isEmpty { notes.add(id, details: details) }
            }
            for try await part in try await executor.taskLog(id: id, request.selection, watermarks: Self.watermarks) {
                var part = part
                for index in part.entries.indices { part.entries[index].origin = id }
                try await merger.put(id, part)
            }
        } catch {
            guard !Task.isCancelled else { return }
            notes.add(id, error)
        }
        merger.end(id)
    }

    /// Writes what the merge gives, and signs of life in between. The first message goes out at once.
    private func send(
        _ request: Wire.LogRequest, _ merger: LogMerger<String>, _ notes: Notes,
        _ writer: RPCWriter<Wire.LogBatch>
    ) async throws {
        try await writer.write(.with { $0.requestID = request.id })
        let interval = request.follow ? Self.watermarks : Self.signInterval
        while let event = try await merger.next(by: .now + interval) {
            // Before the lines: what was noted of a task came before them.
            var batch = notes.take()
            if case .entries(_, let entries) = event {
                var bytes = 0
                for entry in entries {
                    if bytes > 0, bytes + entry.bytes.count > Self.batchBytes {
                        try await writer.write(batch)
                        (batch, bytes) = (Wire.LogBatch(), 0)
                    }
                    batch.lines.append(Wire.LogLine(entry))
                    bytes += entry.bytes.count
                }
            }
            if case .caughtUp = event { batch.caughtUp = true }
            if case .lost(let id) = event {
                notes.add(id, ClusterError(.badMessage, "its log was not read within \(Self.timeout)"))
            }
            if request.follow {
                let complete = merger.isEmpty ? Timestamp.now : merger.completeUntil
                batch.completeUntil = complete?.nanosecondsSinceEpoch ?? 0
            }
            try await writer.write(batch)
        }
        var last = notes.take()
        last.isEnd = true
        try await writer.write(last)
    }
}
