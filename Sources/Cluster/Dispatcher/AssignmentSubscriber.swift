import Model

/// A node that is told what it is to run and to know, in one session.
struct AssignmentSubscriber {
    /// What a node has been told of keys.
    enum ToldKeys: Equatable {
        /// It may have some of an earlier session.
        case unknown
        case none
        case version(UInt64)
    }

    let session: String
    var teller: TaskTeller
    var wake: AsyncStream<Void>.Continuation?
    /// What it is to be told of.
    var scopes: Set<NetworkFact.Scope> = []
    /// What it has been told.
    var cursors: [NetworkFact.Scope: UInt64] = [:]
    /// What it is to be told has been computed.
    var isReady = false
    /// Whether it knows what encrypted networks are.
    let understandsKeys: Bool
    var toldKeys = ToldKeys.unknown
}
