package import ArgumentParser

/// What is not Docker's grammar: `apus lab …`.
package struct Apus: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "apus", abstract: "Apus on this machine.", subcommands: [LabCommand.self])

    /// The word after `apus` that leads here.
    static let labName = "lab"

    package init() {}

    /// The help of `lab`, or of a command of it, as in `apus help lab up`; the lab's own for one that does not exist.
    package static func labHelp(_ arguments: [String]) -> String {
        let command = arguments.dropFirst().first.flatMap { name in
            LabCommand.configuration.subcommands.first { $0.configuration.commandName == name }
        }
        return helpMessage(for: command ?? LabCommand.self)
    }

    /// Names of the lab's commands, with what they do.
    package static var labCommands: [(name: String, summary: String)] {
        LabCommand.configuration.subcommands.map { $0.configuration }.filter(\.shouldDisplay).map {
            ($0.commandName ?? "", $0.abstract)
        }
    }
}
