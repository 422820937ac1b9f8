import LinuxSystem

/// The key that this node joins a swarm with, kept while it has no answer: the same key is the same node, so that joining can be repeated when the
/// answer was lost, also after the daemon was restarted.
///
/// It is in the directory of this run of the machine: an image of the machine's disk never has it, which would make one node of all its copies.
struct JoinKey: Sendable {
    /// PEM.
    let path: String
    private let directory: String
    /// Bytes of the file; ours have 240.
    private static let longest = 4096

    init(runDirectory: String) {
        directory = runDirectory
        path = runDirectory + "/join-key.pem"
    }

    /// The key of a try before that came to nothing, or a new one, which is kept from now on. Blocking.
    /// - Throws: `SystemError` when it cannot be kept.
    func take() throws -> NodeKey {
        // Whatever else is there is no key of ours, and is replaced.
        if let pem = try? Files.text(path, limit: Self.longest), let key = try? NodeKey(pem: pem) { return key }
        let key = NodeKey()
        try Files.makeDirectories(directory)
        try Files.writeAtomically(try key.pem, to: path, mode: 0o600)
        return key
    }

    /// The node is a member, or one no more: whoever joins next does so as a new node. Blocking.
    func forget() throws { try Files.remove(path) }
}
