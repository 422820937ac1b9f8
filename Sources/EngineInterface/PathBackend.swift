package import Model

/// The ways between a swarm's nodes, as a manager was told last; nodes tell every ten seconds.
package struct SwarmPaths: Codable, Sendable, Equatable {
    /// A node, and what is wrong with it itself.
    package struct Node: Codable, Sendable, Equatable, Identifiable {
        package var id: String
        package var name = ""
        /// As in `ready`.
        package var state = ""
        /// On the underlay.
        package var address = ""
        /// Words: `down`, `untold` (it has told nothing for a minute), `clock`.
        package var findings: [String] = []
        /// What to do about it, in words for people.
        package var advice: String?

        package init(id: String) { self.id = id }
    }

    /// A way from a node to another one.
    package struct Path: Codable, Sendable, Equatable {
        /// Nodes' ids.
        package var from: String
        /// Id of the node at the other end.
        package var to: String
        /// A word of ``PathKind``.
        package var kind: String
        /// Absent when nothing came back lately.
        package var roundTripSeconds: Double?
        /// Of the last probes, 0 to 1.
        package var loss: Double
        /// The longest packet of the underlay that passes, in bytes, with all headers but Ethernet's.
        package var pathMTU: Int?
        /// The longest one that the link of the first node sends.
        package var linkMTU: Int?
        /// Words of ``PathFindings``; none where the way is well.
        package var findings: [String]
        /// By the clock of the node that has measured.
        package var measuredAt: Timestamp
        /// What to do about it, in words for people.
        package var advice: String?

        package init(from: String, to: String, kind: String, loss: Double, findings: [String], measuredAt: Timestamp) {
            self.findings = findings
            self.from = from
            self.kind = kind
            self.loss = loss
            self.measuredAt = measuredAt
            self.to = to
        }
    }

    /// Whether nothing is wrong with any node or way.
    package var isWell = true
    /// UDP port of VXLAN.
    package var dataPathPort = 4789
    package var nodes: [Node] = []
    package var paths: [Path] = []

    package init() {}
}

/// The ways between nodes, as managers answer. Faults: ``SwarmError`` on a node that is no manager.
package protocol PathBackend: Sendable {
    /// All nodes in the order of their names, and all ways that were measured within the last minute.
    func paths() async throws -> SwarmPaths
}
