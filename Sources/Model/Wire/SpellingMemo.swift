import Synchronization

/// Names as a rule spells them, each worked out once: the same few hundred fields are written and read thousands of times a second, and finding
/// the spelling of one costs as much as all else that is done about it.
///
/// Names may come from outside. No more than some are kept; then it begins anew, so that whoever sends made-up names holds no memory by it and
/// costs no more than without.
final class SpellingMemo: Sendable {
    private struct State {
        var known: [String: WireKey] = [:]
        var lookedFor = 0
    }

    /// How many names are kept at the most.
    static let maximumNames = 2048
    /// Of longer ones nothing is kept. In bytes of UTF-8.
    static let longestName = 64

    private let rule: @Sendable (String) -> String
    private let state = Mutex(State())

    init(_ rule: @escaping @Sendable (String) -> String) { self.rule = rule }

    /// How often the rule has been applied.
    var lookedFor: Int { state.withLock { $0.lookedFor } }
    /// How many names are kept.
    var count: Int { state.withLock { $0.known.count } }

    func key(_ name: String) -> WireKey {
        if let known = state.withLock({ $0.known[name] }) { return known }
        let key = WireKey(rule(name))
        state.withLock { state in
            state.lookedFor += 1
            guard name.utf8.count <= Self.longestName else { return }
            if state.known.count >= Self.maximumNames { state.known = [:] }
            state.known[name] = key
        }
        return key
    }
}
