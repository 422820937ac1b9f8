/// Which labels of containers their series on the node's page have, and what they are called there: `--metrics-labels`.
package struct MetricsLabels: Sendable, Equatable {
    /// Names that may be shown: each is on every series of a container that has the label.
    package static let most = 16
    /// Bytes of a name, so that all of it is shown.
    package static let longestName = 96
    /// No label of ours begins with it.
    private static let prefix = "label_"

    private struct Shown: Sendable, Equatable {
        var name: String
        var written: String
    }

    private var shown: [Shown] = []

    /// None.
    package init() {}

    /// - Parameter text: Names with commas between them; empty for none.
    /// - Returns: `nil` for too many, for one that is empty or too long, and for two that would be the same as Prometheus spells them.
    package init?(_ text: String) {
        if text.isEmpty { return }
        var taken: Set<String> = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            let written = String(decoding: ExpositionWriter.labelName(Self.prefix + name), as: UTF8.self)
            guard shown.count < Self.most, (1...Self.longestName).contains(name.utf8.count),
                taken.insert(written).inserted
            else { return nil }
            shown.append(Shown(name: name, written: written))
        }
    }

    /// - Parameter labels: A container's; those that it does not have are left out.
    func add(_ labels: [String: String], to written: inout ExpositionWriter.Labels) {
        for label in shown {
            if let value = labels[label.name] { written.add(label.written, value) }
        }
    }
}
