import Logging
import Synchronization

/// The refusals of a listener, counted.
final class Refusals: Sendable {
    private let book = Mutex(RefusalBook())

    /// - Returns: How many were left out before; `nil` when it is to be left out.
    func admit(_ account: String?) -> Int? {
        let now = DashboardAccounts.uptime()
        return book.withLock { $0.admit(account, at: now) }
    }
}

/// What is asked for and not given is written down as what is done is, within a bound.
extension DashboardRoutes {
    /// - Parameter isKnown: Whether whoever asks has signed in, and not only given a name.
    func writeDown(_ refusal: DashboardRefusal, isKnown: Bool) async {
        guard let leftOut = refusals.admit(isKnown ? refusal.user : nil) else { return }
        var refusal = refusal
        refusal.leftOut = leftOut
        await backend.refused(refusal)
    }

    /// What a user's role or bounds do not allow.
    func writeDown(
        _ action: String, of subject: String, summary: String, reason: DashboardError.Code = .notAllowed,
        _ call: DashboardRequest, _ user: DashboardUser
    ) async {
        await writeDown(
            DashboardRefusal(
                action: action, subject: subject, user: user.name, address: call.address, summary: summary,
                reason: reason.rawValue),
            isKnown: true)
    }

    /// A try to sign in that failed. A name that no account has is not written down: it may be a password.
    func writeDown(signInOf name: String?, reason: String, _ call: DashboardRequest) async {
        let known = await accounts.store.accounts().first { $0.name == name }?.name
        await writeDown(
            DashboardRefusal(
                action: "sign-in", subject: known ?? "", user: known, address: call.address,
                summary: "sign in", reason: reason),
            isKnown: false)
    }
}
