/// Every command there is.
package enum CommandList {
    package static let all: [Command] = [
        ContainerCommands.all, ImageCommands.all, NetworkCommands.all, VolumeCommands.all, ServiceCommands.all,
        NodeCommands.all, SwarmCommands.all, SystemCommands.all, RegistryCommands.all,
        DashboardCommands.all, AlertCommands.all,
    ].flatMap { $0 }

    /// Names with commands of their own, and what they are for.
    package static let groups: [(name: String, summary: String)] = [
        ("alerts", "See what needs somebody, and manage its rules"), ("container", "Manage containers"),
        ("dashboard", "Open the dashboard, and manage who may sign in"),
        ("image", "Manage images"), ("network", "Manage networks"),
        ("node", "Manage Swarm nodes"), ("service", "Manage Swarm services"), ("swarm", "Manage Swarm"),
        ("system", "Manage Docker"), ("volume", "Manage volumes"),
    ]

    /// What a group's name means by itself, where that is more than its help.
    package static func command(ofGroup name: String) -> Command? { name == "alerts" ? .alertList : nil }

    private static let byPath: [String: Command] = {
        var found: [String: Command] = [:]
        for command in all {
            for path in [command.path] + command.aliases { found[path] = command }
        }
        return found
    }()

    /// The command that some arguments begin with: the command, the path used and how many arguments that took; no command for the name
    /// of a group by itself; `nil` when there is no such command.
    package static func find(_ arguments: [String]) -> (command: Command?, used: String, count: Int)? {
        if arguments.count > 2, let command = byPath[arguments.prefix(3).joined(separator: " ")] {
            return (command, command.path, 3)
        }
        if arguments.count > 1, let command = byPath["\(arguments[0]) \(arguments[1])"] {
            // Docker's own messages name a group's command by its first name.
            let isAlias = command.aliases.contains("\(arguments[0]) \(arguments[1])")
            return (
                command,
                isAlias && command.path.hasPrefix(arguments[0]) ? command.path : "\(arguments[0]) \(arguments[1])", 2
            )
        }
        guard let first = arguments.first else { return nil }
        if groups.contains(where: { $0.name == first }) { return (nil, first, 1) }
        return byPath[first].map { ($0, first, 1) }
    }
}
