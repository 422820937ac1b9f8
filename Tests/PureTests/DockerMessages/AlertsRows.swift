import EngineInterface
import Faults

@testable import DockerMessages

extension SentenceTests {
    static let alerts: [Row] = [
        Row(
            AlertError.invalidRuleName("a b"), .invalidInput,
            "invalid name of an alert rule: \"a b\": it has 1 to 64 letters, digits and underscores, a letter first"),
        Row(AlertError.unknownMetric("m"), .invalidInput, "there is no metric \"m\" for alert rules"),
        Row(
            AlertError.unknownComparison("="), .invalidInput,
            "invalid comparison \"=\": must be one of >, <, >=, <=, == and !="),
        Row(
            AlertError.unknownSeverity("x"), .invalidInput,
            "invalid severity \"x\": must be \"warning\" or \"critical\""),
        Row(AlertError.invalidThreshold, .invalidInput, "what an alert rule compares with is not a number"),
        Row(
            AlertError.holdOutOfRange(longestSeconds: 7), .invalidInput,
            "an alert rule has to hold for 0 to 7 seconds"),
        Row(
            AlertError.invalidText("a comment", longestBytes: 7), .invalidInput,
            "a comment has at most 7 bytes and no control characters"),
        Row(AlertError.tooManyRules(most: 7), .conflict, "there are 7 alert rules already"),
        Row(AlertError.ruleNotFound("r"), .notFound, "alert rule r not found"),
        Row(
            AlertError.ruleIsShipped("r"), .conflict,
            "alert rule r is shipped and cannot be removed; it can be disabled"),
        Row(AlertError.silenceOfAll, .invalidInput, "a silence needs an alert or labels"),
        Row(
            AlertError.invalidLabels(most: 7, longestBytes: 8), .invalidInput,
            "a silence has at most 7 labels of at most 8 bytes each"),
        Row(
            AlertError.endOutOfRange(longestSeconds: 172_800), .invalidInput,
            "a silence has to end in the future, within 2 days"),
        Row(AlertError.tooManySilences(most: 7), .conflict, "there are 7 silences already"),
        Row(AlertError.silenceNotFound("s"), .notFound, "silence s not found"),
        Row(AlertError.alertNotFound("a"), .notFound, "there is no alert and no alert rule a"),
        Row(AlertError.ambiguous("a"), .invalidInput, "a is ambiguous"),
        Row(DashboardVaultError.tooMany(most: 7), .conflict, "there are 7 accounts already"),
        Row(DashboardVaultError.invalidName("a/b"), .invalidInput, "invalid name of an account: \"a/b\""),
    ]
}
