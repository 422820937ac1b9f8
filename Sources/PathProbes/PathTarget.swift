package import Addressing

/// A node to which the way is measured.
package struct PathTarget: Sendable, Hashable {
    /// The node's id.
    package var id: String
    /// On the underlay.
    package var address: IPAddress
    /// Both have containers in one network: it is measured before others.
    package var isShared: Bool

    package init(id: String, address: IPAddress, isShared: Bool) {
        self.address = address
        self.id = id
        self.isShared = isShared
    }

    /// How many a node measures.
    package static let most = 64

    /// Which of the swarm's nodes one measures: those first with which it shares networks, and of equals those that follow it in the ring of all ids,
    /// so that in a swarm of any size each node is measured by about as many as it measures.
    package static func choose(_ nodes: [PathTarget], for own: String, most: Int = Self.most) -> [PathTarget] {
        func follows(_ id: String) -> Bool { id > own }
        return Array(
            nodes.filter { $0.id != own }.sorted { left, right in
                (left.isShared ? 0 : 1, follows(left.id) ? 0 : 1, left.id)
                    < (right.isShared ? 0 : 1, follows(right.id) ? 0 : 1, right.id)
            }.prefix(most))
    }
}
