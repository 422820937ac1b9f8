package import Model

/// What a client wants of the events.
package struct EventQuery: Sendable {
    /// Events of before, from then on; `nil` for new ones only.
    package var since: Timestamp?
    /// The end of it; `nil` for ever.
    package var until: Timestamp?
    /// Goes on after the event that this came with; then `since` counts for nothing.
    package var cursor: EventCursor?
    /// Whether events come with their ids and cursors though the filters ask for nothing that Docker does not have.
    package var wantsCursors = false
    package var filters: Filters

    package init(_ filters: Filters = Filters()) { self.filters = filters }

    /// Value of the filter `scope` by which a reader is told of what all nodes tell, and what the swarm does with tasks.
    package static let clusterScope = "cluster"

    /// Whether the reader is told of the other nodes' events, too.
    package var asksForCluster: Bool { filters["scope"].contains(Self.clusterScope) }

    /// Whether the reader knows more than Docker does.
    package var hasOptedIn: Bool {
        wantsCursors || cursor != nil || asksForCluster
            || filters["type"].contains(where: LoggedEvent.optionalTypes.contains)
    }
}
