package import Model

/// Decides how the keys of encrypted overlays go on, one step at a time: when a generation is made, when senders go over to it, when the one before
/// is forgotten. Pure.
///
/// Each step is a version of the keyring. The next one is taken when every node that encrypts has the present version in force, so at any moment two nodes
/// differ by one step at the most, and one step never takes away what the one before sends with:
///
/// | generations | senders use | next step |
/// |---|---|---|
/// | c | c | at the end of its time, or when a node has been removed: n comes |
/// | c n | c | all have n to receive with: senders use n |
/// | p c | c | all send with c, and what was sent with p has arrived: p goes |
/// | p c n | c | the same, with n instead of the first row, as a node was removed meanwhile |
///
/// A generation that a removed node knows is not sent with any more once its successor has gone through these steps; one that it knows and nobody sends with
/// yet is replaced at once.
package struct OverlayKeyPlanner: Sendable {
    /// A node that encrypts, and what it says.
    package struct Member: Sendable, Equatable {
        /// The version of the keyring that is in force there; 0 for none.
        package var version: UInt64
        /// Whether managers hear it.
        package var isReady: Bool

        package init(version: UInt64, isReady: Bool) {
            self.version = version
            self.isReady = isReady
        }
    }

    /// How long a generation is sent with.
    package var period = Duration.seconds(12 * 3600)
    /// What was sent before the last sender went over has arrived after this time.
    package var drainTime = Duration.seconds(60)
    /// For how long a node is waited for that is heard and does not say that it has the present version: it may send with the one before for
    /// as long as it is cut off.
    package var timeout = Duration.seconds(3600)
    /// The same of one that is not heard.
    package var timeoutOfSilent = Duration.seconds(900)
    /// The same of both while a removed node knows what is sent with: who is silent then is not waited for.
    package var timeoutAfterRemoval = Duration.seconds(60)

    package init() {}

    /// What is to be, and how long it stays so if nothing else happens.
    package struct Outcome: Sendable, Equatable {
        /// `nil`: as it is.
        package var keyring: OverlayKeyring?
        /// When to ask again although nothing has changed.
        package var wait: Duration?
    }

    /// - Parameters:
    ///   - keyring: As it is in the store; `nil` for a swarm that never had one.
    ///   - isWanted: Whether there is an encrypted network.
    ///   - members: Every node that has a task in one and whose process runs.
    ///   - now: By this manager's clock, which may go wrong: it never decides whether nodes are waited for.
    ///   - waited: For how long this manager has seen the present version, by a clock that only goes on.
    ///   - secret: Makes a new one.
    package func step(
        _ keyring: OverlayKeyring?, isWanted: Bool, members: [Member], now: Timestamp, waited: Duration,
        secret: () -> OverlaySecret?
    ) -> Outcome {
        let present = keyring ?? OverlayKeyring()
        guard isWanted else { return present.isEmpty ? Outcome() : Outcome(keyring: present.next([], sending: 0)) }
        guard let newest = present.generations.last, let current = present.current else {
            guard let first = make(after: present, now, secret) else { return Outcome() }
            return Outcome(keyring: present.next([first], sending: first.number))
        }
        let isKnownOutside = newest.removals < present.removals
        if newest.number != current.number {
            // One is to come: it is replaced while nobody sends with it.
            if isKnownOutside, let other = make(after: present, now, secret) {
                return Outcome(
                    keyring: present.next(present.generations.dropLast() + [other], sending: current.number))
            }
        } else if isKnownOutside || present.generations.count == 1 && isOld(current, now, waited) {
            if let next = make(after: present, now, secret) {
                return Outcome(keyring: present.next(present.generations + [next], sending: current.number))
            }
        }
        let isUrgent = current.removals < present.removals
        let missing = missing(present, members, waited, isUrgent: isUrgent)
        let before = present.generations.filter { $0.number < current.number }
        if let missing { return Outcome(wait: missing) }
        if !before.isEmpty, waited < drainTime { return Outcome(wait: drainTime - waited) }
        let kept = present.generations.filter { $0.number >= current.number }
        if newest.number != current.number { return Outcome(keyring: present.next(kept, sending: newest.number)) }
        if !before.isEmpty { return Outcome(keyring: present.next(kept, sending: current.number)) }
        return Outcome(wait: min(rest(of: current, now), max(period - waited, .seconds(1))))
    }

    /// How long to wait for members that do not have the present version; `nil` when there are none to wait for.
    private func missing(_ keyring: OverlayKeyring, _ members: [Member], _ waited: Duration, isUrgent: Bool)
        -> Duration?
    {
        let ends = members.filter { $0.version != keyring.version }.map { member in
            if isUrgent { return member.isReady ? timeoutAfterRemoval : .zero }
            return member.isReady ? timeout : timeoutOfSilent
        }
        guard let end = ends.max(), waited < end else { return nil }
        return end - waited
    }

    private func isOld(_ generation: OverlayKeyring.Generation, _ now: Timestamp, _ waited: Duration) -> Bool {
        waited >= period || rest(of: generation, now) <= .zero
    }

    /// For how long it is still sent with. One that is made in the future, since a clock was wrong, is over at once.
    private func rest(of generation: OverlayKeyring.Generation, _ now: Timestamp) -> Duration {
        let age = Duration.seconds(now.seconds) - .seconds(generation.createdAt.seconds)
        return age < .seconds(-60) ? .zero : period - age
    }

    private func make(
        after keyring: OverlayKeyring, _ now: Timestamp, _ secret: () -> OverlaySecret?
    ) -> OverlayKeyring.Generation? {
        guard let secret = secret() else { return nil }
        // Versions are more than generations, so the numbers are never used again, not even when there were no keys in between.
        return OverlayKeyring.Generation(
            number: keyring.version + 1, secret: secret, createdAt: now, removals: keyring.removals)
    }
}

extension OverlayKeyring {
    /// What nodes send with.
    fileprivate var current: Generation? { generations.first { $0.number == sending } }

    fileprivate func next(_ generations: some Sequence<Generation>, sending: UInt64) -> OverlayKeyring {
        OverlayKeyring(
            version: version + 1, generations: Array(generations), sending: sending, removals: removals)
    }
}
