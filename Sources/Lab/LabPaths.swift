import Faults
package import LinuxSystem

/// Where a lab keeps what. Everything is below two directories that `down` removes.
package struct LabPaths: Sendable, Hashable {
    package let name: String

    /// The longest name: paths of sockets below ``runtime`` must fit in 107 octets (unix(7)).
    static let maximumNameLength = 24

    /// - Throws: a refusal when the name is not 1 to 24 of `a`–`z`, `0`–`9` and `-`, with a letter first.
    package init(name: String) throws {
        let allowed = name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        guard allowed, (1...Self.maximumNameLength).contains(name.utf8.count), name.first?.isLetter == true else {
            throw APIError(.invalidInput, "invalid lab name \"\(name)\": 1 to 24 of a-z, 0-9 and -, a letter first")
        }
        self.name = name
    }

    /// All labs' runtime directories.
    static let allRuntime = "/run/apus-lab"
    /// All labs' data directories.
    static let allData = "/var/lib/apus-lab"

    /// A tmpfs with namespaces, sockets, logs and the state; gone after a reboot.
    package var runtime: String { "\(Self.allRuntime)/\(name)" }
    /// What nodes keep: images, containers, stores.
    package var data: String { "\(Self.allData)/\(name)" }
    var stateFile: String { "\(runtime)/state.json" }
    var lockFile: String { "\(Self.allRuntime)/\(name).lock" }
    /// The group of this lab, below every hierarchy's root.
    var cgroup: String { "/apus-lab/\(name)" }
    static let allCgroups = "/apus-lab"

    /// The network namespace of a node, or of `client` or `internet`.
    package func network(_ member: String) -> NetworkNamespace {
        NetworkNamespace(path: "\(runtime)/namespaces/net/\(member)")
    }
    func mounts(_ node: String) -> String { "\(runtime)/namespaces/mnt/\(node)" }
    func hostname(_ node: String) -> String { "\(runtime)/namespaces/uts/\(node)" }
    /// The node's own `/run/apus`.
    func nodeRuntime(_ node: String) -> String { "\(runtime)/\(node)" }
    /// The node's own `/run`, in which ``nodeRuntime(_:)`` is `apus`.
    func nodeRun(_ node: String) -> String { "\(runtime)/run/\(node)" }
    /// The node's own `/var/lib/apus`.
    func nodeData(_ node: String) -> String { "\(data)/\(node)" }
    /// Files that a node sees in `/etc`.
    func nodeEtc(_ node: String) -> String { "\(runtime)/etc/\(node)" }
    /// The Engine API's socket, from outside the node.
    package func socket(_ node: String) -> String { "\(nodeRuntime(node))/docker.sock" }
    /// What the daemon of a node, or the helper of another member, has written.
    package func log(_ member: String) -> String { "\(runtime)/\(member).log" }

    /// The names of all labs of which anything is left.
    package static func names() throws -> [String] {
        var names: Set<String> = []
        for directory in [allRuntime, allData] {
            for name in try Files.list(directory) where !name.hasSuffix(".lock") { names.insert(name) }
        }
        return names.sorted()
    }
}
