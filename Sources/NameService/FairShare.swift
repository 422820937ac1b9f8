import Synchronization

/// What all sandboxes have together of something, beyond what each has for itself.
final class CommonPool: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    func take() -> Bool {
        left.withLock {
            guard $0 > 0 else { return false }
            $0 -= 1
            return true
        }
    }

    func giveBack() { left.withLock { $0 += 1 } }
}

/// One sandbox's part of something: a few are its own whatever the others do, more come out of the common pool while there are
/// any, and there is a bound. So none can use up what another needs to be answered at all.
struct FairShare {
    let own: Int
    let most: Int
    let pool: CommonPool
    private(set) var used = 0

    init(own: Int, most: Int, pool: CommonPool) {
        self.own = own
        self.most = most
        self.pool = pool
    }

    mutating func take() -> Bool {
        guard used < most, used < own || pool.take() else { return false }
        used += 1
        return true
    }

    mutating func giveBack() {
        used -= 1
        if used >= own { pool.giveBack() }
    }
}
