import EngineInterface

extension AlertError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidRuleName(let name):
            "invalid name of an alert rule: \"\(name)\": it has 1 to 64 letters, digits and underscores, a letter first"
        case .unknownMetric(let name):
            "there is no metric \"\(name)\" for alert rules"
        case .unknownComparison(let text):
            "invalid comparison \"\(text)\": must be one of >, <, >=, <=, == and !="
        case .unknownSeverity(let text):
            "invalid severity \"\(text)\": must be \"warning\" or \"critical\""
        case .invalidThreshold:
            "what an alert rule compares with is not a number"
        case .holdOutOfRange(let longest):
            "an alert rule has to hold for 0 to \(longest) seconds"
        case .invalidText(let what, let longest):
            "\(what) has at most \(longest) bytes and no control characters"
        case .tooManyRules(let most):
            "there are \(most) alert rules already"
        case .ruleNotFound(let name):
            "alert rule \(name) not found"
        case .ruleIsShipped(let name):
            "alert rule \(name) is shipped and cannot be removed; it can be disabled"
        case .silenceOfAll:
            "a silence needs an alert or labels"
        case .invalidLabels(let most, let longest):
            "a silence has at most \(most) labels of at most \(longest) bytes each"
        case .endOutOfRange(let longest):
            "a silence has to end in the future, within \(longest / 86_400) days"
        case .tooManySilences(let most):
            "there are \(most) silences already"
        case .silenceNotFound(let reference):
            "silence \(reference) not found"
        case .alertNotFound(let reference):
            "there is no alert and no alert rule \(reference)"
        case .ambiguous(let reference):
            "\(reference) is ambiguous"
        }
    }
}
