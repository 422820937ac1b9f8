package import Faults

/// What the dashboard refuses. The page has the sentence for each code, in its reader's language.
package struct DashboardError: Fault, Equatable {
    /// Spelled as the page reads it.
    package enum Code: String, Sendable {
        case badAccountName, badPassword, tooMany, noSuchAccount
        case badRequest, notSignedIn, notAllowed, notFound, tooLarge, crossSite
        /// What is asked for is not kept here: a history, paths.
        case notKept
        case noSwarm, slow
    }
    package let code: Code

    package init(_ code: Code) { self.code = code }

    package var kind: FaultKind {
        switch code {
        case .badAccountName, .badPassword, .badRequest, .tooLarge: .invalidInput
        case .tooMany: .conflict
        case .noSuchAccount, .notFound: .notFound
        case .notSignedIn, .notAllowed, .crossSite: .forbidden
        case .notKept: .notImplemented
        case .noSwarm, .slow: .unavailable
        }
    }
}
