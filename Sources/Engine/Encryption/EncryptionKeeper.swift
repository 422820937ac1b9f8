import Concurrency
import ESPControl
import LinuxSystem
import Logging
import Model
import Synchronization

/// Sees to it that what this node's encrypted networks send is encrypted: has `apus-esp` run as long as there is such a network, tells it what it is to
/// have, and says how far that is in force.
///
/// Keys are in memory alone, here and there. Without them, or without the process, nothing leaves and nothing comes in: an encrypted network has no other way.
final class EncryptionKeeper: Sendable {
    /// Before a process that does not start, or ends, is started again; the second is after one that has run well.
    private static let maximumBackoff = Duration.seconds(30)
    private static let initialBackoff = Duration.milliseconds(100)
    /// For how long a process may take to answer after its start, and one of before to be found.
    private static let answerDeadline = Duration.seconds(5)
    /// For how long one that nobody wants is looked for: on a busy node it answers late, and whoever is not found stays.
    private static let endDeadline = Duration.seconds(30)

    private struct State {
        var demand: EncryptionDemand?
        var keyring: OverlayKeyring?
        /// Where ways are measured; `nil` while none are.
        var probes: EncryptionDemand.ProbePlace?
        /// How many namespaces there have been for that.
        var probePlaces: UInt64 = 0
        /// Until a manager has told of keys, a process of before is left alone: it has some.
        var areKeysKnown = false
        var composer = EncryptionComposer()
        /// Grows with each change of the above.
        var version: UInt64 = 0
        /// Faults of which somebody has been told.
        var told: Set<EncryptionFault> = []
    }

    /// What managers are told.
    let status: ObservableValue<NodeEncryption>
    /// How many UDP ports after VXLAN's the process listens to; 0 while nothing is encrypted.
    let ports = ObservableValue(0)

    private let process: EncryptionProcess
    private let client: EncryptionEngineClient
    private let events: EventLog
    private let log: Logger
    private let state = Mutex(State())
    private let changes = ObservableValue<UInt64>(0)
    private let isWanted = ObservableValue<Bool?>(nil)

    init(_ process: EncryptionProcess, events: EventLog, log: Logger) {
        self.process = process
        self.events = events
        self.log = log
        status = ObservableValue(NodeEncryption(reason: process.obstacle()))
        client = EncryptionEngineClient(socket: process.socket) { notice in Self.tell(notice, events) }
    }

    /// Why this node cannot encrypt; `nil` when it can.
    var obstacle: String? { status.value.reason }

    // MARK: What is wanted

    /// Takes what is wanted now; `nil`: nothing.
    func want(_ demand: EncryptionDemand?) {
        let isOther = state.withLock { state in
            if state.demand == demand { return false }
            state.demand = demand
            state.version += 1
            return true
        }
        if isOther { publish() }
        if isWanted.value != (demand != nil) { isWanted.set(demand != nil) }
        if demand == nil, ports.value != 0 { ports.set(0) }
    }

    /// Has ways measured through the process: a device of it is wanted in a namespace, from which nodes are reached that encrypted networks are shared
    /// with; `nil`: no more.
    /// - Parameter namespace: A path; each time that of another namespace, whatever it was before.
    func probe(in namespace: String?) {
        let isOther = state.withLock { state in
            if namespace == nil, state.probes == nil { return false }
            state.probePlaces += 1
            state.probes = namespace.map { .init(namespace: $0, number: state.probePlaces) }
            state.version += 1
            return true
        }
        if isOther { publish() }
    }

    /// Takes what managers tell of keys; empty: there are none for this node.
    func take(_ keyring: OverlayKeyring) {
        let new = keyring.isEmpty ? nil : keyring
        let isOther = state.withLock { state in
            if state.areKeysKnown, state.keyring == new { return false }
            state.keyring = new
            state.areKeysKnown = true
            state.version += 1
            return true
        }
        if isOther { publish() }
    }

    /// Returns when what is sent in encrypted networks is encrypted by keys that others know; after a while in any case.
    func waitUntilInForce(atMost limit: Duration = .seconds(10)) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await self.status.wait { $0.keys != nil && $0.page != nil ? true : nil } }
            group.addTask { try await Task.sleep(for: limit) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func publish() { changes.set(state.withLock { $0.version }) }

    // MARK: The process

    /// Until cancelled. The process goes on then.
    func run() async throws {
        while true {
            // Nobody knows what is wanted before the networks have been taken over.
            if try await isWanted.wait({ $0 }) {
                try await serve()
            } else {
                try await endIfThere()
                try await isWanted.wait { $0 == true ? true : nil }
            }
        }
    }

    /// As long as it is wanted.
    private func serve() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await self.changes.wait { _ in self.state.withLock { $0.areKeysKnown } ? true : nil }
                // What a process of before is told first takes nothing from it that it still needs.
                self.client.replace(with: self.compose(for: nil).wanted)
                await self.client.run()
                try Task.checkCancellation()
            }
            group.addTask { try await self.supervise() }
            group.addTask { try await self.tell() }
            group.addTask { _ = try await self.isWanted.wait { $0 == false ? true : nil } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Has a process run that answers: the one of an earlier daemon, or a new one.
    private func supervise() async throws {
        var pause = Self.initialBackoff
        try await changes.wait { _ in self.state.withLock { $0.areKeysKnown } ? true : nil }
        if Files.exists(process.socket) { try await waitForAnswer(until: .now + .seconds(1)) }
        while true {
            if let hello = client.status.value.hello {
                if hello.protocolVersion != EncryptionHello.protocolVersion {
                    log.notice(
                        "the process that encrypts is of another version, and is replaced",
                        metadata: ["version": "\(hello.productVersion)"])
                    try await process.end(hello.pid)
                } else {
                    let since = ContinuousClock.now
                    try await client.status.wait { $0.hello == nil ? true : nil }
                    log.warning("the process that encrypts has ended", metadata: ["pid": "\(hello.pid)"])
                    if ContinuousClock.now - since > Self.maximumBackoff { pause = Self.initialBackoff }
                }
            }
            do {
                if let child = try await onThread({ try self.process.start() }) {
                    log.info("the process that encrypts is started", metadata: ["pid": "\(child.pid)"])
                    try await waitForStart(of: child)
                }
            } catch {
                try Task.checkCancellation()
                log.error("the process that encrypts does not start", metadata: ["error": "\(error)"])
            }
            if client.status.value.hello == nil { try await Task.sleep(for: pause) }
            pause = min(pause * 2, Self.maximumBackoff)
        }
    }

    private func waitForStart(of child: ChildProcess) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.waitForAnswer(until: .now + Self.answerDeadline) }
            group.addTask {
                let status = try await child.wait()
                self.log.error("the process that encrypts has ended at once", metadata: ["status": "\(status)"])
            }
            group.addTask {
                // Its socket comes a moment after it.
                var pause = Duration.milliseconds(20)
                while true {
                    try await Task.sleep(for: pause)
                    self.client.reconnect()
                    pause *= 2
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func waitForAnswer(until deadline: ContinuousClock.Instant) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = try await self.client.status.wait { $0.hello != nil ? true : nil }
            }
            group.addTask { try await Task.sleep(until: deadline, clock: .continuous) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Ends a process that nobody needs any more, also one that an earlier daemon has left.
    private func endIfThere() async throws {
        client.replace(with: EncryptionState())
        // What was told last may have come behind the wish to end.
        if ports.value != 0 { ports.set(0) }
        if Files.exists(process.socket) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await self.client.run()
                    try Task.checkCancellation()
                }
                // Whoever wants it meanwhile waits for nothing.
                group.addTask { _ = try await self.isWanted.wait { $0 == true ? true : nil } }
                group.addTask {
                    try await self.waitForAnswer(until: .now + Self.endDeadline)
                    guard let hello = self.client.status.value.hello else { return }
                    try await self.process.end(hello.pid)
                    self.log.info("the process that encrypts is needed no more", metadata: ["pid": "\(hello.pid)"])
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
        status.change { $0 = NodeEncryption(reason: $0.reason) }
    }

    // MARK: What it is told

    private struct Told: Equatable {
        var change: UInt64
        var hello: EncryptionHello?
    }

    /// Tells the process what is wanted, whenever that or the process is another, and says what is in force.
    private func tell() async throws {
        var told: Told?
        while true {
            let (change, hello) = try await next(after: told)
            told = Told(change: change, hello: hello)
            guard let hello, hello.protocolVersion == EncryptionHello.protocolVersion else { continue }
            status.change {
                $0.page = NodeEncryption.page(hello.page.rawValue)
                $0.lanes = min(Int(clamping: hello.lanes), NodeEncryption.maximumLanes)
            }
            let lanes = Int(clamping: hello.lanes)
            if ports.value != lanes, isWanted.value == true { ports.set(lanes) }
            let (wanted, keys) = compose(for: hello)
            let version = client.replace(with: wanted)
            if let faults = try await settle(version, unless: told) {
                report(faults)
                status.change { $0.keys = keys }
            }
        }
    }

    /// - Parameter hello: `nil` before the process has answered: it is taken to be as the swarm knows it.
    private func compose(for hello: EncryptionHello?) -> (wanted: EncryptionState, keys: UInt64?) {
        state.withLock { state in
            guard let demand = state.demand?.probed(in: state.probes) else { return (EncryptionState(), nil) }
            let page = hello?.page ?? demand.own.map { CounterPageID($0.page) }
            let lanes = min(hello?.lanes ?? demand.own?.lanes ?? 1, UInt8(clamping: NodeEncryption.maximumLanes))
            let wanted = state.composer.state(demand, state.keyring, page: page, lanes: lanes)
            return (wanted, state.keyring?.version)
        }
    }

    private func next(after told: Told?) async throws -> (UInt64, EncryptionHello?) {
        try await withThrowingTaskGroup(of: (UInt64, EncryptionHello?).self) { group in
            group.addTask {
                let change = try await self.changes.wait { $0 != told?.change ? $0 : nil }
                return (change, self.client.status.value.hello)
            }
            group.addTask {
                let hello = try await self.client.status.wait { status -> EncryptionHello? in
                    guard let hello = status.hello else { return nil }
                    return hello.isOther(than: told?.hello) ? hello : nil
                }
                return (self.changes.value, hello)
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// - Returns: What is not as wanted; `nil` when something else is wanted before the process has answered.
    private func settle(_ version: UInt64, unless told: Told?) async throws -> [EncryptionFault]? {
        try await withThrowingTaskGroup(of: [EncryptionFault]?.self) { group in
            group.addTask { try await self.client.settle(version) }
            group.addTask {
                _ = try await self.next(after: told)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    // MARK: What is wrong

    private func report(_ faults: [EncryptionFault]) {
        let new = state.withLock { state in
            defer { state.told = Set(faults) }
            return faults.filter { !state.told.contains($0) }
        }
        for fault in new {
            log.warning("something of encrypted networks is not as it should be", metadata: ["fault": "\(fault)"])
            events.publish(
                "network", "encryption-fault", Self.network(fault.subject, state.withLock { $0.demand }),
                ["fault": "\(fault)"])
        }
    }

    private static func network(_ subject: EncryptionFault.Subject, _ demand: EncryptionDemand?) -> String {
        guard case .network(let vni) = subject else { return "" }
        return demand?.networks.first { $0.vni == vni }?.id ?? ""
    }

    /// Told by the process at most once a minute for each subject.
    private static func tell(_ notice: EncryptionNotice, _ events: EventLog) {
        events.publish(
            "network", "encryption", "",
            ["kind": "\(notice.kind)", "subject": "\(notice.subject)", "count": "\(notice.count)"])
    }

    /// Counters of the process.
    /// - Throws: `SystemError` while there is none.
    func counters() async throws -> EncryptionReport { try await client.report() }

    /// The ids of the networks that are encrypted, by VNI; `nil` when there are none.
    var networks: [UInt32: String]? {
        state.withLock { state in
            state.demand.map {
                Dictionary($0.networks.map { ($0.vni, $0.id) }, uniquingKeysWith: { first, _ in first })
            }
        }
    }
}

extension EncryptionHello {
    /// Another process, or page; which state it has changes all the time.
    fileprivate func isOther(than other: EncryptionHello?) -> Bool {
        other.map { $0.pid != pid || $0.page != page || $0.lanes != lanes || $0.protocolVersion != protocolVersion }
            ?? true
    }
}
