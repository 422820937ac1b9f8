package import Faults

/// What is refused of alerts, their rules and silences.
package enum AlertError: Fault, Equatable {
    case invalidRuleName(String)
    case unknownMetric(String)
    case unknownComparison(String)
    case unknownSeverity(String)
    case invalidThreshold
    case holdOutOfRange(longestSeconds: Int64)
    /// What it is, as `a summary`.
    case invalidText(String, longestBytes: Int)
    case tooManyRules(most: Int)
    case ruleNotFound(String)
    /// It can be switched off and on, but not taken away.
    case ruleIsShipped(String)
    case silenceOfAll
    case invalidLabels(most: Int, longestBytes: Int)
    case endOutOfRange(longestSeconds: Int64)
    case tooManySilences(most: Int)
    case silenceNotFound(String)
    case alertNotFound(String)
    case ambiguous(String)

    package var kind: FaultKind {
        switch self {
        case .invalidRuleName, .unknownMetric, .unknownComparison, .unknownSeverity, .invalidThreshold, .holdOutOfRange,
            .invalidText, .silenceOfAll, .invalidLabels, .endOutOfRange, .ambiguous:
            .invalidInput
        case .tooManyRules, .tooManySilences, .ruleIsShipped: .conflict
        case .ruleNotFound, .silenceNotFound, .alertNotFound: .notFound
        }
    }
}
