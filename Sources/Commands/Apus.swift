package import ArgumentParser

/// The command `apus`.
package struct Apus: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "apus", abstract: "Apus on this machine.", subcommands: [LabCommand.self])

    package init() {}
}
