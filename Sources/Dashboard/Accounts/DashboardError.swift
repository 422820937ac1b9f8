package import Faults

/// What the dashboard refuses. The page has the sentence for each code, in its reader's language.
package struct DashboardError: Fault, Equatable, CustomStringConvertible {
    /// Spelled as the page reads it.
    package enum Code: String, Sendable {
        case badAccountName, badPassword, badRole, tooMany, noSuchAccount
        case badRequest, notSignedIn, notAllowed, notFound, tooLarge, crossSite
        /// What is asked for is not kept here: a history, paths.
        case notKept
        /// A chart of more containers than one may be of.
        case tooManyForChart
        case noSwarm, slow
        /// Not the name of an image.
        case badImage
    }
    package let code: Code

    package init(_ code: Code) { self.code = code }

    /// For the command line and the daemon's log.
    package var description: String {
        switch code {
        case .badAccountName:
            "a name has 1 to 32 letters, digits, '.', '_' or '-', and begins with a letter or digit; 'local' is taken"
        case .badPassword: "a password has 8 to 1024 bytes"
        case .badRole: "a role is viewer or operator"
        case .tooMany: "there are too many already"
        case .noSuchAccount: "there is no such account"
        case .noSwarm: "the dashboard is served by managers, and this node is none or is still starting"
        case .badRequest, .notSignedIn, .notAllowed, .notFound, .tooLarge, .crossSite, .notKept, .slow, .badImage,
            .tooManyForChart:
            code.rawValue
        }
    }

    package var kind: FaultKind {
        switch code {
        case .badAccountName, .badPassword, .badRole, .badRequest, .tooLarge, .badImage, .tooManyForChart: .invalidInput
        case .tooMany: .conflict
        case .noSuchAccount, .notFound: .notFound
        case .notSignedIn, .notAllowed, .crossSite: .forbidden
        case .notKept: .notImplemented
        case .noSwarm, .slow: .unavailable
        }
    }
}
