package import Addressing
package import EngineInterface

/// That a path is otherwise than before.
package struct PathTransition: Sendable, Equatable {
    /// The id of the node at the other end.
    package var peer: String
    /// None: it is well.
    package var findings: PathFindings

    package init(peer: String, findings: PathFindings) {
        self.findings = findings
        self.peer = peer
    }
}

/// Decides what is asked of whom and when, and what the answers say. It has no clock and sends nothing itself.
///
/// However many peers there are, so many visits begin in a round; a visit is three short exchanges or four, and a search for the length that passes a
/// few more.
package struct PathMachine: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// How often, and how long.
    package struct Pace: Sendable {
        /// The time in which each peer is visited once, as long as there are not more than ``visits``.
        package var round = Duration.seconds(10)
        package var visits = 32
        /// How long answers are waited for.
        package var timeout = Duration.seconds(1)
        /// The same for one length of a search.
        package var trialTimeout = Duration.milliseconds(500)
        /// After a visit without an answer the next one comes sooner, twice.
        package var again = Duration.seconds(2)

        package init() {}

        var spacing: Duration { round / max(1, visits) }
    }

    /// A frame to be sent.
    package struct Probe: Sendable, Equatable {
        package var to: MACAddress
        package var frame: ProbeFrame
        /// UDP's checksum is left to the device.
        package var leavesChecksum: Bool
    }

    private let kind: PathKind
    private let pace: Pace
    /// This node's, on the underlay.
    private let own: IPAddress
    /// Of the underlay's link.
    package private(set) var linkMTU: Int
    /// By the peers' ids.
    private var paths: [String: PathState] = [:]
    private var stations: [MACAddress: String] = [:]
    private var lastStart: Instant?
    private var changes: [PathTransition] = []
    private var makeNonce: @Sendable () -> ProbeNonce

    package init(
        kind: PathKind, own: IPAddress, linkMTU: Int, pace: Pace = Pace(),
        makeNonce: @escaping @Sendable () -> ProbeNonce = { .random() }
    ) {
        self.kind = kind
        self.linkMTU = linkMTU
        self.makeNonce = makeNonce
        self.own = own
        self.pace = pace
    }

    // MARK: What is wanted

    /// Takes the peers; what is known of those that stay is kept.
    package mutating func set(_ targets: [PathTarget], at now: Instant) {
        let wanted = Dictionary(targets.map { ($0.id, $0) }) { first, _ in first }
        for id in paths.keys where wanted[id]?.address != paths[id]?.target.address { paths[id] = nil }
        for target in targets {
            if paths[target.id] == nil { paths[target.id] = PathState(target, next: now) }
            paths[target.id]?.target = target
        }
        stations = Dictionary(targets.map { (ProbeFrame.station(of: $0.address), $0.id) }) { first, _ in first }
    }

    /// Takes another length of the link's packets: everything is measured anew.
    package mutating func set(linkMTU: Int, at now: Instant) {
        guard linkMTU != self.linkMTU else { return }
        self.linkMTU = linkMTU
        for id in paths.keys {
            paths[id]?.forgetLengths()
            paths[id]?.next = now
        }
    }

    // MARK: Time

    /// Ends what has waited long enough and begins what is due.
    package mutating func advance(to now: Instant) -> [Probe] {
        var probes: [Probe] = []
        for (id, path) in paths {
            if let deadline = path.deadline, deadline <= now { probes += finish(id, hasAnswered: false, at: now) }
        }
        if lastStart.map({ $0.advanced(by: pace.spacing) <= now }) ?? true, let id = due(at: now) {
            lastStart = now
            probes += visit(id, at: now)
        }
        return probes
    }

    /// When ``advance(to:)`` has something to do next; `nil` without peers.
    package var wake: Instant? {
        let starts = paths.values.filter { $0.deadline == nil }.map(\.next).min().map { next in
            max(next, lastStart?.advanced(by: pace.spacing) ?? next)
        }
        let ends = paths.values.compactMap(\.deadline).min()
        return [starts, ends].compactMap { $0 }.min()
    }

    /// Of those that are due the one that has waited longest; those with which no network is shared a round later.
    private func due(at now: Instant) -> String? {
        func rank(_ path: PathState) -> (Instant, String) {
            (path.target.isShared ? path.next : path.next.advanced(by: pace.round), path.target.id)
        }
        return paths.values.filter { $0.deadline == nil && $0.next <= now }.min { rank($0) < rank($1) }?.target.id
    }

    private mutating func visit(_ id: String, at now: Instant) -> [Probe] {
        guard var path = paths[id] else { return [] }
        let questions = path.questions(linkMTU: linkMTU).map { ($0, makeNonce()) }
        path.begin(questions, at: now, timeout: pace.timeout)
        path.next = now.advanced(by: pace.round)
        paths[id] = path
        return questions.map { probe(path.target, $0.0, $0.1) }
    }

    private func probe(_ target: PathTarget, _ question: PathState.Question, _ nonce: ProbeNonce) -> Probe {
        let size =
            switch question {
            case .small: ProbeFrame.smallest(own.family, kind)
            case .full: linkMTU
            case .known(let size), .trial(let size): size
            }
        return Probe(
            to: ProbeFrame.station(of: target.address), frame: ProbeFrame(.question, nonce: nonce, size: size),
            leavesChecksum: question == .full && kind == .vxlan)
    }

    /// A visit or a trial is over.
    private mutating func finish(_ id: String, hasAnswered: Bool, at now: Instant) -> [Probe] {
        guard var path = paths[id] else { return [] }
        defer {
            let findings = path.findings(linkMTU: linkMTU)
            if path.search == nil, findings != path.told {
                path.told = findings
                if changes.count < Self.mostChanges { changes.append(PathTransition(peer: id, findings: findings)) }
            }
            paths[id] = path
        }
        if path.search != nil {
            guard path.tried(hasAnswered, linkMTU: linkMTU) else {
                (path.open, path.deadline) = ([:], nil)
                return []
            }
            return trial(&path, at: now)
        }
        if path.finish(at: now, linkMTU: linkMTU) {
            path.beginSearch(
                smallest: ProbeFrame.smallest(own.family, kind), linkMTU: linkMTU, judgesChecksums: kind == .vxlan)
            return trial(&path, at: now)
        }
        if (1..<PathState.enough).contains(path.misses) { path.next = now.advanced(by: pace.again) }
        return []
    }

    private func trial(_ path: inout PathState, at now: Instant) -> [Probe] {
        guard let search = path.search else { return [] }
        let (question, nonce) = (PathState.Question.trial(search.size), makeNonce())
        path.open = [nonce: (question, now)]
        path.deadline = now.advanced(by: pace.trialTimeout)
        return [probe(path.target, question, nonce)]
    }

    // MARK: Arrivals

    /// Takes a frame that has arrived.
    /// - Parameter isDamaged: Its checksum is wrong.
    /// - Returns: What is sent because of it.
    package mutating func take(
        _ frame: ProbeFrame, from station: MACAddress, isDamaged: Bool, at now: Instant
    ) -> [Probe] {
        guard let id = stations[station] else { return [] }
        switch frame.kind {
        case .question:
            paths[id]?.heard = now
            let answer = ProbeFrame(.answer, nonce: frame.nonce, size: frame.size, isDamaged: isDamaged)
            return [Probe(to: station, frame: answer, leavesChecksum: false)]
        case .answer:
            guard paths[id]?.take(frame.nonce, isDamaged: frame.isDamaged, at: now) == true else { return [] }
            return finish(id, hasAnswered: true, at: now)
        }
    }

    // MARK: What is known

    /// Changes that nobody has taken; those beyond are not told.
    private static let mostChanges = 256

    /// Paths that have become ill, well, or ill in another way since this was asked last.
    package mutating func takeChanges() -> [PathTransition] {
        defer { changes = [] }
        return changes
    }

    /// Of each path that was measured, in the order of the peers' ids.
    /// - Parameter seconds: Since 1970, at `now`.
    package func measurements(at now: Instant, seconds: Int64) -> [PathMeasurement] {
        paths.values.compactMap {
            $0.measurement(
                kind: kind, linkMTU: linkMTU, at: now, seconds: seconds, hearing: pace.round * 2 + pace.timeout)
        }.sorted { $0.peer < $1.peer }
    }
}
