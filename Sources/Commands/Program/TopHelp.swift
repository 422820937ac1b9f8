/// Help of the program itself and of its groups.
enum TopHelp {
    static let options = """
              --config string      Not used; taken for the sake of scripts
          -c, --context string     Name of the context to use: only "default"
          -D, --debug              Not used; taken for the sake of scripts
          -H, --host string        Where the daemon listens
              --help               Show this text
          -l, --log-level string   Not used; taken for the sake of scripts
              --tls                Use TLS; implied by --tlsverify
              --tlscacert string   The only authority to trust
              --tlscert string     File with the client's certificate
              --tlskey string      File with the client's key
              --tlsverify          TLS, and the daemon must prove itself
          -v, --version            Show the version
        """

    static func text(_ groups: [(name: String, summary: String)]) -> String {
        let common = ["run", "exec", "ps", "pull", "push", "images", "version", "info"]
        let swarm = ["node", "service", "swarm"]
        var text = "Usage:  apus [OPTIONS] COMMAND\n\nContainers, networks and swarms, in Docker's words\n"
        func section(_ title: String, _ lines: [(String, String)]) {
            text += "\n\(title):\n" + lines.map { "  \($0.0.padded(12))\($0.1)\n" }.joined()
        }
        var short: [(String, String)] = []
        for command in CommandList.all {
            for name in [command.path] + command.aliases where !name.contains(" ") {
                short.append((name, command.summary))
            }
        }
        short.sort { $0.0 < $1.0 }
        section("Common Commands", common.compactMap { name in short.first { $0.0 == name } })
        section("Management Commands", groups.filter { !swarm.contains($0.name) }.map { ($0.name, $0.summary) })
        section("Swarm Commands", groups.filter { swarm.contains($0.name) }.map { ($0.name, $0.summary) })
        section("Commands", short.filter { !common.contains($0.0) })
        section(
            "Also", [("lab", "Clusters on this machine"), ("completion", "Print a shell's completion script")])
        text += "\nGlobal Options:\n\(options)\n\nRun 'apus COMMAND --help' for more information on a command.\n"
        return text
    }

    static func text(ofGroup name: String) -> String {
        let summary = CommandList.groups.first { $0.name == name }?.summary ?? ""
        let commands = CommandList.all.filter { $0.path.hasPrefix(name + " ") }.map {
            (String($0.path.dropFirst(name.count + 1)), $0.summary)
        }.sorted { $0.0 < $1.0 }
        let width = max(12, (commands.map(\.0.count).max() ?? 0) + 2)
        return "Usage:  apus \(name) COMMAND\n\n\(summary)\n\nCommands:\n"
            + commands.map { "  \($0.0.padded(width))\($0.1)\n" }.joined()
            + "\nRun 'apus \(name) COMMAND --help' for more information on a command.\n"
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
