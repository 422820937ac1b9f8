/// Which refusals are written down: a pure machine with the time handed in.
///
/// An account has ten a minute, and all accounts together sixty; whoever has not signed in has ten a minute, whatever names and addresses that is. So
/// neither a stranger nor a viewer fills the log of events or hides another's. What is left out is counted, and told with the next one of theirs.
struct RefusalBook: Sendable {
    /// A minute's: of one account, and of all strangers together.
    static let perAsker = 10
    /// A minute's, of all accounts.
    static let ofAccounts = 60
    private static let minute = 60.0

    private struct Asker {
        var written: [Double] = []
        var leftOut = 0
    }
    /// By account, of which there are 1,000 at the most; `nil` for strangers.
    private var askers: [String?: Asker] = [:]

    /// - Parameters:
    ///   - account: Who asked; `nil` for a stranger.
    ///   - now: Seconds of a clock that does not jump.
    /// - Returns: How many were left out before this one; `nil` when it is left out itself.
    mutating func admit(_ account: String?, at now: Double) -> Int? {
        var all = 0
        for (name, var asker) in askers {
            asker.written.removeAll { $0 <= now - Self.minute }
            if name != nil { all += asker.written.count }
            askers[name] = asker.written.isEmpty && asker.leftOut == 0 ? nil : asker
        }
        var asker = askers[account] ?? Asker()
        guard asker.written.count < Self.perAsker, account == nil || all < Self.ofAccounts else {
            asker.leftOut += 1
            askers[account] = asker
            return nil
        }
        let before = asker.leftOut
        asker.leftOut = 0
        asker.written.append(now)
        askers[account] = asker
        return before
    }
}
