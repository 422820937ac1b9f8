import Synchronization

/// A value that changes, and that tasks wait for. Waiters see the newest value; values between may be missed.
final class ObservableValue<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
        var next = 0
    }

    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    var value: Value { state.withLock { $0.value } }

    func set(_ value: Value) { change { $0 = value } }

    func change(_ body: (inout Value) -> Void) {
        let waiters = state.withLock { state in
            body(&state.value)
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.yield() }
    }

    /// Returns as soon as `pick` gives something for the value.
    /// - Throws: `CancellationError`.
    @discardableResult
    func wait<Result>(_ pick: (Value) -> Result?) async throws -> Result {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.next += 1
            state.waiters[state.next] = continuation
            return state.next
        }
        defer { state.withLock { _ = $0.waiters.removeValue(forKey: id) } }
        if let result = pick(value) { return result }
        for await _ in stream {
            if let result = pick(value) { return result }
        }
        throw CancellationError()
    }
}
