package import ArgumentParser

/// What is not Docker's grammar: `apus lab …`.
package struct Apus: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "apus", abstract: "Apus on this machine.", subcommands: [LabCommand.self])

    package init() {}
}
