import Concurrency
import Synchronization

/// How many streams there may be: each is a connection that stays.
final class StreamPlaces: Sendable {
    struct Place: Sendable { let name: String }
    static let perUser = 32
    static let most = 256
    private let taken = Mutex<[String: Int]>([:])

    func enter(_ name: String) throws -> Place {
        let isTaken = taken.withLock { taken in
            guard taken.values.reduce(0, +) < Self.most, taken[name, default: 0] < Self.perUser else { return false }
            taken[name, default: 0] += 1
            return true
        }
        guard isTaken else { throw DashboardError(.tooMany) }
        return Place(name: name)
    }

    func leave(_ place: Place) {
        taken.withLock { taken in
            let rest = taken[place.name, default: 1] - 1
            taken[place.name] = rest > 0 ? rest : nil
        }
    }
}

/// How many answers that take work are made at a time. One user's wait for each other and not for those of others; who asks for more than a page
/// does is refused, whether it comes in one connection or in many.
final class WorkPlaces: Sendable {
    /// At a time, altogether and for one user.
    static let most = 24
    static let perUser = 8
    /// Asked for and not answered yet, of one user: some tabs that change their range at the same time.
    static let mostAsked = 256

    private struct User {
        let slots = Slots(WorkPlaces.perUser)
        var asked = 0
    }
    private let users = Mutex<[String: User]>([:])
    private let all = Slots(WorkPlaces.most)

    /// - Throws: ``DashboardError`` with `.tooMany`; `CancellationError` when whoever asked has gone.
    func run<Value: Sendable>(_ name: String, _ body: @Sendable () async throws -> Value) async throws -> Value {
        let slots: Slots? = users.withLock { users in
            var user = users[name] ?? User()
            guard user.asked < Self.mostAsked else { return nil }
            user.asked += 1
            users[name] = user
            return user.slots
        }
        guard let slots else { throw DashboardError(.tooMany) }
        defer { leave(name) }
        return try await slots.run { try await all.run { try await body() } }
    }

    private func leave(_ name: String) {
        users.withLock { users in
            users[name]?.asked -= 1
            if users[name]?.asked == 0 { users[name] = nil }
        }
    }
}
