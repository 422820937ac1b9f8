/// What a node and its manager both go by.
enum NodeTimeouts {
    /// Docker's default time between two beats of a node.
    static let heartbeat = Duration.seconds(5)
    /// How long the leader may take to find the addresses of an attachment.
    static let attachment = Duration.seconds(5)
}
