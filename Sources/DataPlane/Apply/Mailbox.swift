import Concurrency
import Netlink
import Synchronization

/// The place of a posted change among all that are posted to one data plane. What carries it out carries out everything before it, too.
package struct ChangeSequence: Comparable, Hashable, Sendable, CustomStringConvertible {
    let number: UInt64

    package var description: String { "\(number)" }
    package static func < (left: ChangeSequence, right: ChangeSequence) -> Bool { left.number < right.number }
}

/// What is asked of the ``ReconcileLoop`` that it has not begun, and who waits for what. Any task posts, the loop alone takes.
///
/// What waits is merged: changes are one value, comparisons are the union of their scopes. So no number of callers makes more than one pass wait.
/// The desired network itself is the loop's: what is posted is neither copied nor compared with it here.
final class Mailbox: Sendable {
    /// Namespaces are to be compared with the kernel; `scopes`: `nil` for all.
    struct Comparison: Sendable {
        var reason: String
        var scopes: Set<Scope>?
        /// Namespaces that are nobody's go.
        var removesStrays: Bool
        /// Rules are read also where nobody else has changed any.
        var rereads: Bool
        /// Of some of the scopes: what was heard of them. Where all of that is as it is known to be they need not be compared.
        var news: [Scope: Set<NetlinkNews>]
        var reports: [Promise<DriftReport>]
    }

    /// Everything that was waiting at one time.
    struct Batch: Sendable {
        /// What is desired instead of everything before; `nil`: that still counts.
        let whole: NodeNetwork?
        /// What is different from that, or from what was taken before.
        let changes: NetworkChanges
        /// The newest change in it.
        let sequence: ChangeSequence
        let hasChanges: Bool
        /// Nothing that is known of the kernel is to be relied on, and what is nobody's is to go.
        let adopts: Bool
        let comparison: Comparison?
    }

    private struct Waiter: Sendable {
        let sequence: ChangeSequence
        let waitsForRemoval: Bool
        let report = Promise<ApplyReport>()
    }

    private struct State {
        var whole: NodeNetwork?
        var changes = NetworkChanges()
        /// What is desired, as far as changes may contradict it.
        var roster = Roster()
        var newest = ChangeSequence(number: 0)
        var taken = ChangeSequence(number: 0)
        /// Carried out but for what is to be removed, and altogether.
        var led = ChangeSequence(number: 0)
        var done = ChangeSequence(number: 0)
        var lastReport = ApplyReport()
        var adopts = false
        var comparison: Comparison?
        var waiters: [Waiter] = []
        var isAtWork = false
        var lastEnd = ContinuousClock.now
        /// When the first change of those that wait was posted, and of those that are being carried out.
        var waitingSince: ContinuousClock.Instant?
        var underWaySince: ContinuousClock.Instant?

        func hasCarriedOut(_ sequence: ChangeSequence, withRemoval: Bool) -> Bool {
            (withRemoval ? done : led) >= sequence
        }
    }

    private let state = Mutex(State())
    private let mail = AsyncEvent()
    let times = PassTimes()

    // MARK: callers

    /// Changes what is desired. Waits for nothing.
    /// - Throws: ``DataPlaneError`` `inconsistent` when the network would contradict itself; then nothing is changed.
    func post(_ changes: NetworkChanges) throws(DataPlaneError) -> ChangeSequence {
        let outcome = state.withLock { state -> (sequence: ChangeSequence, faults: [String]) in
            let faults = state.roster.faults(of: changes)
            guard faults.isEmpty else { return (state.newest, faults) }
            state.roster.apply(changes)
            state.changes.merge(changes)
            state.waitingSince = state.waitingSince ?? .now
            state.newest = ChangeSequence(number: state.newest.number + 1)
            return (state.newest, [])
        }
        guard outcome.faults.isEmpty else {
            throw DataPlaneError(code: .inconsistent, message: outcome.faults.joined(separator: "; "))
        }
        mail.signal()
        return outcome.sequence
    }

    /// Desires another network instead; whether it contradicts itself was looked at before.
    func post(whole: NodeNetwork, adopts: Bool = false) -> ChangeSequence {
        let roster = Roster(whole)
        let sequence = state.withLock { state in
            state.whole = whole
            state.changes = NetworkChanges()
            state.roster = roster
            state.waitingSince = state.waitingSince ?? .now
            state.newest = ChangeSequence(number: state.newest.number + 1)
            state.adopts = state.adopts || adopts
            return state.newest
        }
        mail.signal()
        return sequence
    }

    /// Returns when a change has been carried out, with the report of the pass that did it, or of a later one.
    /// - Throws: `CancellationError`; the change is carried out all the same.
    func report(of sequence: ChangeSequence, waitsForRemoval: Bool) async throws -> ApplyReport {
        let waiter = Waiter(sequence: sequence, waitsForRemoval: waitsForRemoval)
        let early = state.withLock { state -> ApplyReport? in
            if state.hasCarriedOut(sequence, withRemoval: waitsForRemoval) { return state.lastReport }
            state.waiters.append(waiter)
            return nil
        }
        if let early { return early }
        do { return try await waiter.report.value() } catch {
            state.withLock { $0.waiters.removeAll { $0.report === waiter.report } }
            throw error
        }
    }

    /// Has namespaces compared with the kernel, and repaired.
    /// - Parameter news: What was heard of some of them, where that is the reason: they are compared if any of it is other than it is known to be.
    /// - Throws: `CancellationError`; the comparison takes place all the same.
    func compare(
        _ scopes: Set<Scope>?, reason: String, removesStrays: Bool? = nil, rereads: Bool = false,
        after news: [Scope: Set<NetlinkNews>] = [:]
    ) async throws -> DriftReport {
        let removesStrays = removesStrays ?? (scopes == nil)
        let report = Promise<DriftReport>()
        state.withLock { state in
            guard var waiting = state.comparison else {
                state.comparison = Comparison(
                    reason: reason, scopes: scopes, removesStrays: removesStrays, rereads: rereads, news: news,
                    reports: [report])
                return
            }
            if let before = waiting.scopes, let scopes {
                for scope in scopes {
                    let heard = news[scope].flatMap { more in
                        before.contains(scope) ? waiting.news[scope].map { $0.union(more) } : more
                    }
                    waiting.news[scope] = heard
                }
                waiting.scopes = before.union(scopes)
            } else {
                (waiting.scopes, waiting.news) = (nil, [:])
            }
            waiting.removesStrays = waiting.removesStrays || removesStrays
            waiting.rereads = waiting.rereads || rereads
            waiting.reports.append(report)
            state.comparison = waiting
        }
        mail.signal()
        return try await report.value()
    }

    /// Whether a pass is under way or was a moment ago. Passes follow one another, and most of what is heard then is our own doing.
    var isBusy: Bool {
        state.withLock { $0.isAtWork || ContinuousClock.now - $0.lastEnd < .milliseconds(100) }
    }

    /// How many wait for a change to be carried out.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// How many wait for the comparison that has not begun.
    var comparisonWaiterCount: Int { state.withLock { $0.comparison?.reports.count ?? 0 } }

    // MARK: the loop

    /// Takes everything that waits; `nil` when nothing does.
    func take() -> Batch? {
        state.withLock { state in
            if state.isAtWork { state.lastEnd = .now }
            let hasChanges = state.newest > state.taken
            state.isAtWork = hasChanges || state.comparison != nil
            guard state.isAtWork else { return nil }
            defer {
                (state.taken, state.adopts, state.comparison) = (state.newest, false, nil)
                (state.whole, state.changes) = (nil, NetworkChanges())
                if hasChanges { (state.underWaySince, state.waitingSince) = (state.waitingSince, nil) }
            }
            return Batch(
                whole: state.whole, changes: state.changes, sequence: state.newest, hasChanges: hasChanges,
                adopts: state.adopts,
                comparison: state.comparison)
        }
    }

    /// Has the loop look again although nothing was posted.
    func wake() { mail.signal() }

    /// Returns when something may have come, or when the loop is cancelled.
    func waitForMail() async { await mail.wait() }

    /// Answers those, and only those, who wait for what has been carried out now.
    func complete(_ sequence: ChangeSequence, _ report: ApplyReport, withRemoval: Bool) {
        let (answered, since) = state.withLock { state in
            let since = state.underWaySince
            state.underWaySince = nil
            state.led = sequence
            if withRemoval { state.done = sequence }
            state.lastReport = report
            let waiters = state.waiters
            state.waiters = waiters.filter { !state.hasCarriedOut($0.sequence, withRemoval: $0.waitsForRemoval) }
            let answered = waiters.filter { state.hasCarriedOut($0.sequence, withRemoval: $0.waitsForRemoval) }
            return (answered, since)
        }
        if let since, report.failures.isEmpty { times.note(convergedSince: since) }
        for waiter in answered { waiter.report.succeed(report) }
    }
}
