/// What keeps alerts from being posted to receivers for a while. They fire and are listed all the same.
package struct AlertSilence: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    package var spec: AlertSilenceSpec

    package init(id: String, _ spec: AlertSilenceSpec) {
        self.id = id
        self.spec = spec
    }
}

/// Which alerts a silence is of, for how long, by whom, and why.
package struct AlertSilenceSpec: Codable, Sendable, Equatable {
    /// The fingerprint of the one alert that it is of; empty for those that have the labels.
    @Zero package var alert: String
    /// All of these an alert has to have, `alertname` and `severity` among them. `service`, `node` and `network` are ids or names.
    @Zero package var labels: [String: String]
    /// When it is over.
    @Zero package var endsAt: Timestamp
    @Zero package var createdBy: String
    @Zero package var comment: String

    package init() {}

    /// - Parameter labels: The alert's, with `alertname` and `severity`.
    package func covers(fingerprint: String, labels given: [String: String]) -> Bool {
        guard alert.isEmpty || alert == fingerprint, !(alert.isEmpty && labels.isEmpty) else { return false }
        return labels.allSatisfy { name, value in
            given[name] == value || AlertMetric.subjects.contains(name) && given["\(name)_name"] == value
        }
    }
}

/// A silence as a client asks for it.
package struct AlertSilenceRequest: Codable, Sendable, Equatable {
    /// A fingerprint, the beginning of one of an alert that is listed, or a rule's name; may be empty.
    @Zero package var alert: String
    @Zero package var labels: [String: String]
    /// For how long from now on, by the manager's clock; 0 for ``endsAt``.
    @Zero package var seconds: Int64
    @Zero package var endsAt: Timestamp
    @Zero package var createdBy: String
    @Zero package var comment: String

    package init() {}

    /// What is kept of it.
    package func spec(now: Timestamp) -> AlertSilenceSpec {
        var spec = AlertSilenceSpec()
        spec.alert = alert
        spec.labels = labels
        spec.endsAt = seconds == 0 ? endsAt : now.advanced(bySeconds: seconds)
        spec.createdBy = createdBy
        spec.comment = comment
        return spec
    }
}
