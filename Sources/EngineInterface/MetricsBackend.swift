/// A page of metrics in one of Prometheus' text forms.
package enum MetricsPage: Sendable, CaseIterable {
    /// This node and its containers.
    case node
    /// Its containers in cAdvisor's names.
    case cadvisor
    /// The whole swarm; managers have it.
    case cluster
    /// Where nodes serve theirs, for Prometheus' service discovery: JSON; managers have it.
    case targets

    /// It tells of other nodes than the one that is asked.
    package var isOfCluster: Bool { self == .cluster || self == .targets }
}

/// A page as it is sent.
package struct MetricsText: Sendable, Equatable {
    /// The form's, with version and character set.
    package var contentType: String
    package var bytes: [UInt8]

    package init(contentType: String, bytes: [UInt8]) {
        self.bytes = bytes
        self.contentType = contentType
    }
}

/// What the routes for metrics need.
package protocol MetricsBackend: Sendable {
    /// - Parameter accept: The request's `Accept`, which decides between the forms; empty without one.
    /// - Returns: `nil` for a page that this node does not have.
    func metrics(_ page: MetricsPage, accept: String) async throws -> MetricsText?
}
