import Glibc

/// Which containers have larger pipes for their output than the kernel gives (``OutputPipes``): there are so many places, the first few of them for
/// the largest pipes.
///
/// A container takes one when it is made, because until a flood is noticed it would wait, and when it floods its output. Where none is free, one that
/// has not flooded for a while gives up its own.
struct PipePlaces {
    /// A container's first process, by which its pipes are found.
    struct Owner: Sendable, Hashable {
        var id: String
        var pid: pid_t
        /// Field 22 of /proc/PID/stat: pids are reused.
        var startTime: UInt64
    }

    private struct Holder {
        var owner: Owner
        var streams: Set<OutputPiece.Stream>
        /// When it came, or flooded last.
        var busyAt: ContinuousClock.Instant
    }

    /// Whoever is idle for so long gives its place up to who asks for one.
    static let idle = Duration.seconds(10)

    private var holders: [Holder?] = Array(repeating: nil, count: OutputPipes.mostContainers)

    /// A container floods its output.
    /// - Returns: Whether that stream has its larger pipe.
    mutating func flooded(_ id: String, _ stream: OutputPiece.Stream, now: ContinuousClock.Instant) -> Bool {
        guard let place = place(of: id) else { return false }
        holders[place]?.busyAt = now
        return holders[place]?.streams.contains(stream) == true
    }

    /// A place for a container's stream; the one that it has, where it has one.
    /// - Returns: Its number, from 0 on, and whose pipes are to be small again; `nil` where there is none.
    mutating func take(
        for owner: Owner, _ stream: OutputPiece.Stream, now: ContinuousClock.Instant
    ) -> (number: Int, former: Owner?, streams: Set<OutputPiece.Stream>)? {
        if let place = place(of: owner.id), holders[place]?.owner == owner {
            holders[place]?.streams.insert(stream)
            holders[place]?.busyAt = now
            return (place, nil, [])
        }
        leave(owner.id)
        let next = Holder(owner: owner, streams: [stream], busyAt: now)
        if let free = holders.firstIndex(where: { $0 == nil }) {
            holders[free] = next
            return (free, nil, [])
        }
        let idlest = holders.indices.min { busyAt($0) < busyAt($1) }
        guard let idlest, let former = holders[idlest], now - former.busyAt >= Self.idle else { return nil }
        holders[idlest] = next
        return (idlest, former.owner, former.streams)
    }

    /// A container has gone, or has no pipes.
    mutating func leave(_ id: String) {
        if let place = place(of: id) { holders[place] = nil }
    }

    private func place(of id: String) -> Int? { holders.firstIndex { $0?.owner.id == id } }

    private func busyAt(_ place: Int) -> ContinuousClock.Instant { holders[place]?.busyAt ?? .now }
}
