/// What kinds of objects the swarm's store holds: the second last part of their keys.
package enum StoreKind: String, Sendable, CaseIterable, Codable {
    case nodes
    case services
    case tasks
    case networks
    case clusters
    case secrets
    case configs
    case alertRules = "alert-rules"
    case alertSilences = "alert-silences"
    case dashboardAccounts = "dashboard-accounts"
    case dashboardKeys = "dashboard-keys"
}

/// Where a value is kept in the swarm's store.
///
/// Layout: objects at `/apus/v1/<kind>/<id>`, names that must be unique at `/apus/v1/names/<kind>/<name>` (the value is the id),
/// leaders at `/apus/leader/<role>`, which a watch over all objects does not see; when the last of them began at `/apus/v1/begun/<role>`.
package struct StoreKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Everything there is.
    package static let all = "/apus/"
    /// All objects and names: the prefix of a manager's one watch.
    package static let everything = "/apus/v1/"
    private static let names = "/apus/v1/names/"
    /// Who leads which role.
    package static let leaders = "/apus/leader/"

    package let path: String

    package init(path: String) { self.path = path }

    /// The key of an object.
    package init(_ kind: StoreKind, id: String) { path = "\(Self.prefix(of: kind))\(id)" }

    /// The key that keeps a name from being given twice.
    package static func name(_ kind: StoreKind, _ name: String) -> StoreKey {
        StoreKey(path: "\(prefix(ofNames: kind))\(name)")
    }

    /// The key that the leader of a role holds by its lease.
    package static func leader(of role: String) -> StoreKey { StoreKey(path: "\(leaders)\(role)") }

    /// What a leader writes first: whoever sees it by the watch over all objects has seen what the leaders before have written.
    package static func beginning(of role: String) -> StoreKey { StoreKey(path: "\(everything)begun/\(role)") }

    /// The prefix that a list or watch of one kind's objects takes.
    package static func prefix(of kind: StoreKind) -> String { "\(everything)\(kind.rawValue)/" }

    /// The prefix of one kind's names.
    package static func prefix(ofNames kind: StoreKind) -> String { "\(names)\(kind.rawValue)/" }

    /// The kind and id, when this is the key of an object and not of a name, a leader or something unknown.
    package var object: (kind: StoreKind, id: String)? {
        guard path.hasPrefix(Self.everything) else { return nil }
        let parts = path.dropFirst(Self.everything.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = StoreKind(rawValue: String(parts[0])), !parts[1].isEmpty else { return nil }
        return (kind, String(parts[1]))
    }

    package var description: String { path }

    /// The order of the store: by UTF-8 bytes.
    package static func < (left: StoreKey, right: StoreKey) -> Bool {
        left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
    }
}
