package import Model

/// Something that somebody is to be told of, or was.
package struct Alert: Sendable, Equatable, Codable {
    /// Longest summary, in bytes: what managers take of each other's events.
    static let longestSummary = 1000

    /// Which alert it is: its rule's name and its labels, as Alertmanager does it (FNV-1a over them in order).
    package var fingerprint: String
    /// Its rule's; the same below.
    package var name: String
    package var severity: AlertRule.Severity
    /// For people.
    package var summary: String
    package var labels: [String: String]
    /// Of the rule's metric, when it was looked at last.
    package var value: Double
    package var startsAt: Timestamp
    /// When it was over; `nil` as long as it goes on.
    package var endsAt: Timestamp?

    /// Its labels with its name and severity, as receivers and silences know it.
    package var allLabels: [String: String] {
        labels.merging(["alertname": name, "severity": severity.rawValue]) { _, own in own }
    }

    /// Takes over what its rule and the metric say now.
    fileprivate mutating func update(_ rule: AlertRule, _ sample: AlertSample) {
        value = sample.value
        severity = rule.severity
        summary = Self.summary(of: rule, sample)
    }

    fileprivate static func summary(of rule: AlertRule, _ sample: AlertSample) -> String {
        var text = rule.summary.replacing("{value}", with: Self.text(sample.value))
        for (name, value) in sample.labels { text = text.replacing("{\(name)}", with: value) }
        var size = 0
        return String(
            text.prefix { character in
                size += character.utf8.count
                return size <= longestSummary
            })
    }

    /// At most two digits after the point.
    static func text(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return Int64(exactly: rounded).map(String.init) ?? "\(rounded)"
    }

    static func fingerprint(_ name: String, _ labels: [String: String]) -> String {
        var hash: UInt64 = 14_695_981_039_346_656_037
        let all = labels.merging(["alertname": name]) { own, _ in own }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            for byte in Array(name.utf8) + [255] + Array(value.utf8) + [255] {
                hash = (hash ^ UInt64(clamping: byte)) &* 1_099_511_628_211
            }
        }
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

/// Which rules hold for how long, and what follows. Pure: it is looked at with all values, at whatever times.
package struct AlertMachine: Sendable {
    /// What somebody is to be told.
    package enum Change: Sendable, Equatable {
        case fires(Alert)
        case ends(Alert)
    }

    /// At most so many are on their way or fire; of more nobody could read anything.
    static let mostAlerts = 1000

    private struct Pending {
        var since: Timestamp
    }

    private var pending: [String: Pending] = [:]
    /// By fingerprint.
    package private(set) var firing: [String: Alert] = [:]

    package init() {}

    /// Goes on with what has been told, whatever has become of its rules.
    /// - Parameter events: Those of alerts, in order.
    init(restoring events: [EngineEvent]) {
        for event in events {
            firing[event.actorID] = nil
            guard event.action == Change.firing, let alert = Alert(event),
                alert.fingerprint == Alert.fingerprint(alert.name, alert.labels)
            else { continue }
            firing[alert.fingerprint] = alert
        }
    }

    /// Compares the present values with the rules.
    ///
    /// An alert whose metric has no value any more ends: what it was about is gone.
    mutating func look(_ rules: [AlertRule], at now: Timestamp, _ values: (AlertMetric) -> [AlertSample]) -> [Change] {
        var changes: [Change] = []
        var holding: Set<String> = []
        // Once of each, however many rules compare them.
        var known: [AlertMetric: [AlertSample]] = [:]
        for rule in rules {
            let samples = known[rule.metric] ?? values(rule.metric)
            known[rule.metric] = samples
            for sample in samples where rule.comparison.holds(sample.value, rule.thresholdOfEnd) {
                let id = Alert.fingerprint(rule.name, sample.labels)
                // Between the two an alert goes on, and none begins.
                guard firing[id] != nil || rule.comparison.holds(sample.value, rule.threshold) else { continue }
                guard holding.count < Self.mostAlerts || firing[id] != nil, holding.insert(id).inserted else {
                    continue
                }
                if firing[id] != nil {
                    firing[id]?.update(rule, sample)
                    continue
                }
                let since = pending[id]?.since ?? now
                guard now.timeSince(since) >= Double(rule.seconds) else {
                    pending[id] = Pending(since: since)
                    continue
                }
                pending[id] = nil
                let alert = Alert(
                    fingerprint: id, name: rule.name, severity: rule.severity,
                    summary: Alert.summary(of: rule, sample), labels: sample.labels, value: sample.value,
                    startsAt: since)
                firing[id] = alert
                changes.append(.fires(alert))
            }
        }
        for (id, alert) in firing.sorted(by: { $0.key < $1.key }) where !holding.contains(id) {
            firing[id] = nil
            var over = alert
            over.endsAt = now
            changes.append(.ends(over))
        }
        pending = pending.filter { holding.contains($0.key) }
        return changes
    }
}

extension AlertRule {
    /// Where an alert that fires is over: for addresses in use a tenth of the threshold beyond it, since in a network that is nearly full they come and go with every
    /// task, and each would end the alert and begin it anew. For all others the threshold itself.
    fileprivate var thresholdOfEnd: Double {
        guard metric == .networkAddressesUsedRatio else { return threshold }
        let margin = abs(threshold) / 10
        switch comparison {
        case .above, .atLeast: return threshold - margin
        case .below, .atMost: return threshold + margin
        case .equal, .different: return threshold
        }
    }
}

extension AlertMachine.Change {
    /// The type and actions of the events that tell of alerts.
    package static let eventType = LoggedEvent.alertType
    package static let firing = "firing"
    package static let resolved = "resolved"

    package var alert: Alert {
        switch self {
        case .fires(let alert), .ends(let alert): alert
        }
    }

    /// What `docker events --filter type=alert` tells of it.
    package var event: EngineEvent {
        let alert = alert
        var attributes = [
            "name": alert.name, "severity": alert.severity.rawValue, "summary": alert.summary,
            "value": Alert.text(alert.value), "startsAt": alert.startsAt.description,
        ]
        // As other events name them.
        for kind in AlertMetric.subjects {
            attributes["\(kind).id"] = alert.labels[kind]
            attributes["\(kind).name"] = alert.labels["\(kind)_name"]
        }
        return EngineEvent(
            type: Self.eventType, action: alert.endsAt == nil ? Self.firing : Self.resolved,
            actorID: alert.fingerprint, attributes: attributes, scope: "swarm", time: alert.endsAt ?? .now)
    }
}

extension Alert {
    /// Of an event that tells of it, as ``AlertMachine/Change/event`` makes them; `nil` for any other.
    package init?(_ event: EngineEvent) {
        let attributes = event.attributes
        guard event.type == AlertMachine.Change.eventType, let name = attributes["name"],
            let severity = attributes["severity"].flatMap(AlertRule.Severity.init(rawValue:)),
            let startsAt = attributes["startsAt"].flatMap({ Timestamp($0) })
        else { return nil }
        var labels: [String: String] = [:]
        for kind in AlertMetric.subjects {
            labels[kind] = attributes["\(kind).id"]
            labels["\(kind)_name"] = attributes["\(kind).name"]
        }
        self.init(
            fingerprint: event.actorID, name: name, severity: severity, summary: attributes["summary"] ?? "",
            labels: labels, value: attributes["value"].flatMap(Double.init) ?? 0, startsAt: startsAt,
            endsAt: event.action == AlertMachine.Change.firing ? nil : event.time)
    }
}
