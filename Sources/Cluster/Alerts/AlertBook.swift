import EngineInterface
import Model
import Orchestration

/// The rules and silences that count at one moment: what is shipped, and what the operator has made of it. Pure.
struct AlertBook {
    /// At most so many rules are kept.
    static let mostRules = 200
    /// At most so many silences, those that are over left out.
    static let mostSilences = 1000
    /// Labels of a silence.
    static let mostLabels = 16
    /// Bytes of a rule's name.
    static let longestName = 64
    /// Bytes of a label's name or value, and of who has made a silence.
    static let longestLabel = 256
    /// Bytes of a rule's summary, and of a silence's comment.
    static let longestText = 512
    /// How long a rule may have to hold, in seconds: a day.
    static let longestHold: Int64 = 86_400
    /// How long a silence may last, in seconds: a year.
    static let longestSilence: Int64 = 366 * 86_400

    /// In the order of the shipped ones, then by name.
    let rules: [AlertRuleSummary]
    /// Those that are not over, the one that lasts longest first.
    let silences: [AlertSilence]

    init(_ state: SwarmState, at now: Timestamp) {
        var own = state.alertRules
        let shipped = AlertRule.shipped.map { rule in
            guard let changed = own.removeValue(forKey: rule.name) else {
                return AlertRuleSummary(rule, origin: .shipped, disabled: false)
            }
            let origin: AlertRuleSummary.Origin = changed.rule == rule ? .shipped : .changed
            return AlertRuleSummary(changed.rule, origin: origin, disabled: changed.disabled)
        }
        rules =
            shipped
            + own.values.sorted { $0.id < $1.id }.map {
                AlertRuleSummary($0.rule, origin: .own, disabled: $0.disabled)
            }
        silences = state.alertSilences.values.filter { $0.spec.endsAt > now }.sorted {
            ($0.spec.endsAt, $0.id) > ($1.spec.endsAt, $1.id)
        }
    }

    /// Rules that are looked at.
    var active: [AlertRule] { rules.filter { !$0.disabled }.map(\.rule) }

    /// What keeps an alert from being posted longest.
    func silence(of alert: Alert) -> AlertSilence? {
        let labels = alert.allLabels
        return silences.first { $0.spec.covers(fingerprint: alert.fingerprint, labels: labels) }
    }

    // MARK: What is refused

    /// A rule out of what a client says.
    static func rule(_ request: AlertRuleRequest) throws(AlertError) -> AlertRule {
        guard isName(request.name) else { throw .invalidRuleName(request.name) }
        guard let metric = AlertMetric(rawValue: request.metric) else { throw .unknownMetric(request.metric) }
        guard let comparison = AlertRule.Comparison(rawValue: request.comparison) else {
            throw .unknownComparison(request.comparison)
        }
        guard let severity = AlertRule.Severity(rawValue: request.severity) else {
            throw .unknownSeverity(request.severity)
        }
        guard request.threshold.isFinite else { throw .invalidThreshold }
        guard (0...longestHold).contains(request.seconds) else { throw .holdOutOfRange(longestSeconds: longestHold) }
        let summary = request.summary.isEmpty ? Self.summary(of: request) : request.summary
        guard isText(summary, longestText) else { throw .invalidText("a summary", longestBytes: longestText) }
        return AlertRule(
            request.name, metric, comparison, request.threshold, for: request.seconds, severity, summary)
    }

    /// Of a rule without one.
    private static func summary(of request: AlertRuleRequest) -> String {
        let kind = AlertMetric.subjects.first { request.metric.hasPrefix("\($0)_") }
        let subject = kind.map { " of \($0) {\($0)_name}" } ?? ""
        return "\(request.metric)\(subject) is {value}"
    }

    static func check(_ spec: AlertSilenceSpec, at now: Timestamp) throws(AlertError) {
        guard !spec.alert.isEmpty || !spec.labels.isEmpty else { throw .silenceOfAll }
        guard spec.labels.count <= mostLabels,
            spec.labels.allSatisfy({ isText($0.key, longestLabel) && !$0.key.isEmpty && isText($0.value, longestLabel) }
            )
        else { throw .invalidLabels(most: mostLabels, longestBytes: longestLabel) }
        guard isText(spec.createdBy, longestLabel) else {
            throw .invalidText("an author", longestBytes: longestLabel)
        }
        guard isText(spec.comment, longestText) else { throw .invalidText("a comment", longestBytes: longestText) }
        guard spec.endsAt > now, spec.endsAt.timeSince(now) <= Double(longestSilence) else {
            throw .endOutOfRange(longestSeconds: longestSilence)
        }
    }

    /// Letters, digits and underscores, a letter first: as names of metrics and alerts are in Prometheus.
    private static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
        guard let first = bytes.first, bytes.count <= longestName, isLetter(first) else { return false }
        return bytes.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
        }
    }

    /// Without what moves a terminal's cursor.
    private static func isText(_ text: String, _ longest: Int) -> Bool {
        text.utf8.count <= longest && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
