package import Addressing
package import Concurrency
package import EngineInterface
import Glibc
package import LinuxSystem
package import Logging
import Synchronization

/// What a node is to measure.
package struct PathDemand: Sendable, Equatable {
    package var device: ProbeDevice.Setting
    /// Of the underlay's link.
    package var linkMTU: Int
    package var targets: [PathTarget]
    /// All members of the swarm on the underlay: whoever of them asks is answered.
    package var members: [IPAddress]
    /// Managers at whose addresses TCP connections of this node are looked for.
    package var managers: [PathTarget]
    /// TCP ports of managers.
    package var controlPorts: [UInt16]

    package init(
        device: ProbeDevice.Setting, linkMTU: Int, targets: [PathTarget], members: [IPAddress],
        managers: [PathTarget] = [], controlPorts: [UInt16] = []
    ) {
        self.controlPorts = controlPorts
        self.managers = managers
        self.device = device
        self.linkMTU = linkMTU
        self.members = members
        self.targets = targets
    }
}

/// Measures the ways to other nodes, and answers others' probes, for as long as it runs. Without a thread of its own: frames are taken and answered
/// on the poller's.
package final class PathProber: Sendable {
    /// What the machine decides, and where its frames go.
    private struct State {
        var machine: PathMachine?
        var answers = AnswerPace()
    }

    private static let pause = Duration.seconds(5)
    /// Whoever waits for the machine's next moment looks again after this: an answer may have brought it nearer.
    private static let longestSleep = Duration.seconds(1)

    /// ``PathKind/vxlan`` or ``PathKind/esp``.
    private let kind: PathKind
    private let node: NetworkNamespace?
    /// Says where the device of the process that encrypts is wanted, or that it is wanted no more.
    private let report: @Sendable (String?) -> Void
    private let pace: PathMachine.Pace
    private let log: Logger
    private let state = Mutex(State())
    /// What is to be measured; `nil`: nothing.
    package let demand = ObservableValue<PathDemand?>(nil)
    /// Paths that become ill or well, for one reader; of more than it reads the newest are kept.
    package let changes: AsyncStream<PathTransition>
    private let told: AsyncStream<PathTransition>.Continuation

    /// - Parameters:
    ///   - node: The node's namespace; `nil`: the one in which the process was started.
    ///   - kind: ``PathKind/vxlan`` or ``PathKind/esp``.
    ///   - report: Of encrypted ways: told the path of a namespace in which the process that encrypts is to make ``ProbeDevice/encryptedName``, for
    ///     the peers that are wanted; `nil`: nowhere any more.
    package init(
        node: NetworkNamespace?, kind: PathKind = .vxlan, pace: PathMachine.Pace = PathMachine.Pace(), log: Logger,
        report: @escaping @Sendable (String?) -> Void = { _ in }
    ) {
        self.report = report
        self.kind = kind
        self.log = log
        self.node = node
        self.pace = pace
        (changes, told) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(256))
    }

    /// What is known now. In a swarm of one node there is nothing to know.
    package func measurements(seconds: Int64) -> [PathMeasurement] {
        state.withLock { $0.machine?.measurements(at: .now, seconds: seconds) } ?? []
    }

    /// Until cancelled.
    package func run() async throws {
        while true {
            let first = try await demand.wait { $0 }
            do { try await serve(first) } catch {
                try Task.checkCancellation()
                log.warning(
                    "paths are not measured for a while", metadata: ["error": "\(error)", "path": "\(kind.word)"])
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// For as long as the device is to be the same.
    private func serve(_ first: PathDemand) async throws {
        defer { if kind == .esp { report(nil) } }
        let device =
            kind == .esp
            ? try await ProbeDevice.open(first.device, linkMTU: first.linkMTU, report: report)
            : try await ProbeDevice.open(first.device, linkMTU: first.linkMTU, in: node)
        state.withLock {
            $0.machine = PathMachine(kind: kind, own: first.device.own, linkMTU: first.linkMTU, pace: pace)
        }
        let result: Result<Void, any Error>
        do {
            let token = try Poller.shared.watch(device.descriptor) { [self] in receive(device) }
            defer { Poller.shared.remove(token) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.follow(first, device) }
                group.addTask { try await self.pump(device) }
                if kind == .esp { group.addTask { try await self.watch(device) } }
                defer { group.cancelAll() }
                try await group.next()
            }
            result = .success(())
        } catch { result = .failure(error) }
        state.withLock { $0.machine = nil }
        await device.close()
        try result.get()
    }

    /// Returns when another device is wanted, or none.
    private func follow(_ first: PathDemand, _ device: ProbeDevice) async throws {
        var known: PathDemand?
        while true {
            let next = try await demand.wait { [known] in $0 != known || known == nil ? .some($0) : nil }
            guard let next, next.device == first.device else { return }
            if next.members != known?.members { try await device.set(peers: next.members) }
            if let known, next.linkMTU != known.linkMTU { try await device.set(linkMTU: next.linkMTU) }
            state.withLock { state in
                state.machine?.set(linkMTU: next.linkMTU, at: .now)
                state.machine?.set(next.targets, at: .now)
            }
            known = next
        }
    }

    /// Returns when the device of another process is there no more.
    private func watch(_ device: ProbeDevice) async throws {
        while try await device.isThere() { try await Task.sleep(for: Self.pause) }
        log.notice("the device for encrypted probes is gone, and is asked for again")
    }

    private func pump(_ device: ProbeDevice) async throws {
        while true {
            let (probes, wake, changes) = state.withLock { state in
                (state.machine?.advance(to: .now) ?? [], state.machine?.wake, state.machine?.takeChanges() ?? [])
            }
            for probe in probes { device.send(probe) }
            for change in changes { told.yield(change) }
            let latest = ContinuousClock.now.advanced(by: Self.longestSleep)
            try await Task.sleep(until: min(wake ?? latest, latest), clock: .continuous)
        }
    }

    /// On the poller's thread.
    private func receive(_ device: ProbeDevice) {
        var probes: [PathMachine.Probe] = []
        state.withLock { state in
            device.receive { station, frame, isDamaged in
                let now = ContinuousClock.now
                if frame.kind == .question, !state.answers.take(at: now) { return }
                probes += state.machine?.take(frame, from: station, isDamaged: isDamaged, at: now) ?? []
            }
        }
        for probe in probes { device.send(probe) }
    }
}

/// How many questions are answered: those of 64 peers with room to spare, whoever asks.
struct AnswerPace {
    private static let burst = 500.0
    private static let perSecond = 500.0
    private var left = Self.burst
    private var last: ContinuousClock.Instant?

    mutating func take(at now: ContinuousClock.Instant) -> Bool {
        if let last { left = min(Self.burst, left + (now - last) / .seconds(1) * Self.perSecond) }
        last = now
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
