/// Every verb there is.
package enum CommandList {
    package static let all: [Command] = [
        ContainerCommands.all, ImageCommands.all, NetworkCommands.all, VolumeCommands.all, ServiceCommands.all,
        NodeCommands.all, SwarmCommands.all, SystemCommands.all, RegistryCommands.all,
    ].flatMap { $0 }

    /// Names with verbs of their own, and what they are for.
    package static let groups: [(name: String, summary: String)] = [
        ("container", "Manage containers"), ("image", "Manage images"), ("network", "Manage networks"),
        ("node", "Manage Swarm nodes"), ("service", "Manage Swarm services"), ("swarm", "Manage Swarm"),
        ("system", "Manage Docker"), ("volume", "Manage volumes"),
    ]

    private static let byPath: [String: Command] = {
        var found: [String: Command] = [:]
        for verb in all {
            for path in [verb.path] + verb.aliases { found[path] = verb }
        }
        return found
    }()

    /// The verb that some words begin with: the verb, the path used and how many words that took; no verb for the name
    /// of a group by itself; `nil` when there is no such command.
    package static func find(_ words: [String]) -> (verb: Command?, used: String, count: Int)? {
        if words.count > 1, let verb = byPath["\(words[0]) \(words[1])"] {
            // Docker's own messages name a group's verb by its first name.
            let isAlias = verb.aliases.contains("\(words[0]) \(words[1])")
            return (verb, isAlias && verb.path.hasPrefix(words[0]) ? verb.path : "\(words[0]) \(words[1])", 2)
        }
        guard let first = words.first else { return nil }
        if groups.contains(where: { $0.name == first }) { return (nil, first, 1) }
        return byPath[first].map { ($0, first, 1) }
    }
}
