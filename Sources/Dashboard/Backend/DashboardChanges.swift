/// What the state is made of, beside the cluster itself, in the page's words.
package enum DashboardKind: String, Sendable, CaseIterable {
    case nodes, services, tasks, networks, containers, alerts, paths
}

/// What of the state is other than at an earlier look.
package struct DashboardChanges: Sendable, Equatable {
    /// Of this look: who asks with it the next time is told what has changed since. `nil` where nobody keeps what was told: the next look is whole, too.
    package var number: UInt64?
    /// Whether all there is is told: then what is not among it is gone.
    package var isWhole: Bool
    /// The cluster, and the objects that are others; those that are as they were may be among them.
    package var state: DashboardState
    /// Ids of objects that are gone; nothing where all there is is told.
    package var gone: [DashboardKind: [String]] = [:]

    /// All there is.
    package init(whole state: DashboardState) {
        isWhole = true
        self.state = state
    }

    /// - Parameter state: The objects that are others.
    package init(number: UInt64, isWhole: Bool, state: DashboardState) {
        self.number = number
        self.isWhole = isWhole
        self.state = state
    }
}
