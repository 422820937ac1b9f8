import Foundation

/// A node's page of metrics, as Prometheus' service discovery over HTTP is told of it, with the labels of Prometheus' own discovery of swarms'
/// nodes. Sources: Prometheus, "HTTP SD", and `dockerswarm_sd_config` with role `nodes`.
package struct ScrapeTarget: Sendable, Equatable {
    /// `host:port`
    package var address: String
    /// Without `__meta_dockerswarm_node_`, as in `hostname`; those that the node has been given begin with `label_`.
    package var labels: [String: String]

    package init(address: String, labels: [String: String]) {
        self.address = address
        self.labels = labels
    }

    /// Labels that a node has been given; those beyond are left out.
    static let mostLabels = 64
    private static let prefix = "__meta_dockerswarm_node_"

    private struct Group: Encodable {
        var targets: [String]
        var labels: [String: String]
    }

    /// The answer to a discovery: one group for each node.
    package static func page(_ targets: [ScrapeTarget]) throws -> [UInt8] {
        let groups = targets.map { target in
            var labels: [String: String] = [:]
            var given = 0
            for (name, value) in target.labels.sorted(by: { $0.key < $1.key }) {
                if name.hasPrefix("label_") {
                    given += 1
                    if given > mostLabels { continue }
                }
                let name = String(decoding: ExpositionWriter.labelName(prefix + name), as: UTF8.self)
                if labels[name] == nil {
                    labels[name] = String(decoding: Array(ExpositionWriter.bounded(value)), as: UTF8.self)
                }
            }
            return Group(targets: [target.address], labels: labels)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(groups))
    }
}
