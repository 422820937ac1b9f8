import EngineInterface

/// What is known of one path, and what is under way on it. A value without a clock.
struct PathState: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What is asked.
    enum Question: Hashable, Sendable {
        /// As short as possible, with a checksum of its own.
        case small(Int)
        /// As long as the link takes, its checksum left to the device.
        case full
        /// As long as was found to pass.
        case known(Int)
        /// Of a length that may pass.
        case trial(Int)
    }

    /// A length that passes is looked for between one that does and one that does not.
    struct Search: Sendable {
        var passing: Int
        var failing: Int
        var size: Int
        var tries = 0
        /// Whether the first trial, of the full length with a checksum of its own, is over.
        var isBeyondFull = false
    }

    /// Of the short probes, how many of the last ones count.
    static let window = 20
    /// Short probes of one visit.
    static let shortProbes = 2
    static let roundTripsKept = 6
    /// How often a length is tried before it counts as too long.
    static let triesOfSize = 2
    /// Visits in a row after which something counts as found.
    static let enough = 3

    var target: PathTarget
    /// When it is visited next.
    var next: Instant
    /// What has been asked in this visit and not been answered.
    var open: [ProbeNonce: (question: Question, sent: Instant)] = [:]
    /// Until when answers of this visit, or trial, are waited for; `nil` between visits.
    var deadline: Instant?
    var search: Search?
    private var answered: Set<Question> = []
    private var asked: Set<Question> = []

    private(set) var outcomes: [Bool] = []
    private(set) var roundTrips: [Duration] = []
    /// Visits in a row without any answer.
    private(set) var misses = 0
    private var mtu: Int?
    /// Visits in a row in which only what left its checksum to the device was damaged, or lost.
    private var damages = 0
    private(set) var measured: Instant?
    /// What was told of it last.
    var told: PathFindings = []
    var heard: Instant?

    init(_ target: PathTarget, next: Instant) {
        self.target = target
        self.next = next
    }

    // MARK: A visit

    /// What a visit asks.
    func questions(linkMTU: Int) -> [Question] {
        var questions: [Question] = (0..<Self.shortProbes).map { .small($0) } + [.full]
        if let mtu, mtu < linkMTU { questions.append(.known(mtu)) }
        return questions
    }

    mutating func begin(_ questions: [(Question, ProbeNonce)], at now: Instant, timeout: Duration) {
        open = [:]
        for (question, nonce) in questions { open[nonce] = (question, now) }
        asked = Set(questions.map(\.0))
        answered = []
        deadline = now.advanced(by: timeout)
    }

    /// - Returns: Whether the visit is not waiting for anything more.
    mutating func take(_ nonce: ProbeNonce, isDamaged: Bool, at now: Instant) -> Bool {
        guard let (question, sent) = open.removeValue(forKey: nonce) else { return false }
        answered.insert(question)
        if case .small = question {
            roundTrips = Array((roundTrips + [now - sent]).suffix(Self.roundTripsKept))
        }
        if question == .full { damages = isDamaged ? min(damages + 1, 100) : 0 }
        return open.isEmpty
    }

    /// Ends a visit: what was not answered is lost.
    /// - Returns: Whether a length that passes is to be looked for.
    mutating func finish(at now: Instant, linkMTU: Int) -> Bool {
        defer {
            open = [:]
            deadline = nil
            measured = now
        }
        for case .small(let number) in asked {
            outcomes = Array((outcomes + [answered.contains(.small(number))]).suffix(Self.window))
        }
        guard !answered.isEmpty else {
            misses = min(misses + 1, 1000)
            return false
        }
        // The time of silence was told as such.
        if misses >= 2 { outcomes = [true] }
        misses = 0
        if answered.contains(.full) {
            mtu = linkMTU
            return false
        }
        // What is short is lost as well: about what is long this says nothing.
        guard answered.contains(where: { if case .small = $0 { true } else { false } }) else { return false }
        if let mtu, asked.contains(.known(mtu)), answered.contains(.known(mtu)) { return false }
        return true
    }

    // MARK: A search

    /// - Parameter judgesChecksums: The full length was sent with a checksum that was left to a card.
    mutating func beginSearch(smallest: Int, linkMTU: Int, judgesChecksums: Bool = true) {
        search = Search(passing: smallest, failing: linkMTU + 1, size: linkMTU, isBeyondFull: !judgesChecksums)
    }

    /// Takes the end of a trial. - Returns: Whether the search goes on.
    mutating func tried(_ hasPassed: Bool, linkMTU: Int) -> Bool {
        guard var search else { return false }
        if hasPassed {
            search.passing = search.size
            if !search.isBeyondFull {
                // The same length passes with a checksum of its own.
                damages = min(damages + 1, 100)
            }
        } else {
            search.tries += 1
            if search.tries < Self.triesOfSize {
                self.search = search
                return true
            }
            search.failing = search.size
        }
        (search.isBeyondFull, search.tries) = (true, 0)
        guard search.failing - search.passing > 1 else {
            mtu = min(search.passing, linkMTU)
            self.search = nil
            return false
        }
        search.size = search.passing + (search.failing - search.passing) / 2
        self.search = search
        return true
    }

    /// Another link or another device: what was found of lengths and checksums holds no more.
    mutating func forgetLengths() {
        (mtu, damages, search) = (nil, 0, nil)
        (open, deadline) = ([:], nil)
    }

    // MARK: What is known

    /// What is wrong.
    func findings(linkMTU: Int) -> PathFindings {
        var findings: PathFindings = []
        if misses >= 2 { findings.insert(.silent) }
        let lost = outcomes.count { !$0 }
        if misses < 2, outcomes.count >= Self.window / 2, lost * 20 >= outcomes.count, lost > 1 {
            findings.insert(.lossy)
        }
        if let mtu, mtu < linkMTU { findings.insert(.narrow) }
        if damages >= Self.enough { findings.insert(.checksums) }
        return findings
    }

    /// As managers are told it; `nil` before the first visit is over.
    func measurement(kind: PathKind, linkMTU: Int, at now: Instant, seconds: Int64, hearing: Duration)
        -> PathMeasurement?
    {
        guard let measured else { return nil }
        let found = findings(linkMTU: linkMTU)
        let lost = outcomes.count { !$0 }
        var result = PathMeasurement(peer: target.id, kind: kind, linkMTU: linkMTU, findings: found)
        result.lossPermille = found.contains(.silent) ? 1000 : outcomes.isEmpty ? 0 : lost * 1000 / outcomes.count
        if misses == 0, let best = roundTrips.min() {
            let (seconds, attoseconds) = best.components
            result.roundTripMicroseconds =
                UInt64(clamping: seconds) &* 1_000_000
                &+ UInt64(
                    clamping: attoseconds / 1_000_000_000_000)
        }
        result.mtu = found.contains(.silent) ? nil : mtu
        result.isHeard = heard.map { now - $0 < hearing } ?? false
        result.time = seconds - Int64(clamping: (now - measured).components.seconds)
        return result
    }
}
