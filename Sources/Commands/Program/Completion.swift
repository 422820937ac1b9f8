import DockerClient
import Templates

/// Shell completion: a script for each shell, which asks this program what may come next.
package struct Completion {
    /// The hidden command that the scripts call with the arguments so far.
    static let query = "__complete"

    let session: Session

    static func printScript(_ arguments: [String]) throws {
        switch arguments.first {
        case "bash":
            Console.text(
                """
                _apus() {
                    local word
                    COMPREPLY=()
                    while IFS=$'\\t' read -r word _; do
                        COMPREPLY+=("$word")
                    done < <(apus \(query) "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
                    [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default
                }
                complete -F _apus apus

                """)
        case "zsh":
            Console.text(
                """
                #compdef apus
                _apus() {
                    local line
                    local -a found
                    while IFS=$'\\t' read -r word text; do
                        found+=("${word//:/\\\\:}${text:+:$text}")
                    done < <(apus \(query) "${words[@]:1:$((CURRENT-1))}" 2>/dev/null)
                    if (( ${#found} )); then _describe apus found; else _files; fi
                }
                compdef _apus apus

                """)
        case "fish":
            Console.text(
                """
                function __apus_complete
                    set -l words (commandline -opc) (commandline -ct)
                    apus \(query) $words[2..-1] 2>/dev/null
                end
                complete -c apus -a '(__apus_complete)'

                """)
        default:
            throw ExitError(
                1,
                "Usage:  apus completion bash|zsh|fish\n\nPrint a shell's completion script, as for: source <(apus completion bash)"
            )
        }
    }

    /// Prints what the last word may become: the word and, after a tab, what it is.
    func answer(_ arguments: [String]) async {
        let start = arguments.last ?? ""
        for (word, text) in await candidates(Array(arguments.dropLast()), start) where word.hasPrefix(start) {
            Console.line(text.isEmpty ? word : "\(word)\t\(text)")
        }
    }

    func candidates(_ before: [String], _ start: String) async -> [(String, String)] {
        // A command line that is not whole yet may well be wrong; then nothing is offered.
        guard let global = try? FlagParser(CommandFlag.flags(in: TopHelp.options), stopsAtArgument: true).parse(before)
        else {
            return []
        }
        let arguments = global.rest
        guard !arguments.isEmpty else {
            if start.hasPrefix("-") { return Self.names(CommandFlag.flags(in: TopHelp.options)) }
            let short = CommandList.all.flatMap { command in
                ([command.path] + command.aliases).filter { !$0.contains(" ") }.map { ($0, command.summary) }
            }
            return
                (short + CommandList.groups.map { ($0.name, $0.summary) } + [
                    (Apus.labName, "Clusters on this machine"), ("completion", "Print a shell's completion script"),
                ])
                .sorted { $0.0 < $1.0 }
        }
        switch arguments {
        case [Apus.labName]: return Apus.labCommands.map { ($0.name, $0.summary) }.sorted { $0.0 < $1.0 }
        case ["completion"]: return ["bash", "fish", "zsh"].map { ($0, "") }
        default: break
        }
        guard let (command, group, count) = CommandList.find(arguments) else { return [] }
        guard let command else {
            return CommandList.all.filter { $0.path.hasPrefix(group + " ") }.map {
                (String($0.path.dropFirst(group.count + 1)), $0.summary)
            }.sorted { $0.0 < $1.0 }
        }
        if start.hasPrefix("-") { return Self.names(command.flags) }
        if let last = before.last, last.hasPrefix("-"), !last.contains("="),
            let flag = command.flags.first(where: { "--\($0.name)" == last || $0.short.map { "-\($0)" } == last }),
            !flag.isSwitch
        {
            return flag.name.hasPrefix("network") ? await objects("NETWORK") : []
        }
        // As above.
        let given =
            (try? FlagParser(command.flags, stopsAtArgument: command.stopsAtArgument).parse(
                Array(arguments.dropFirst(count))))?
            .rest
        return await objects(Self.kind(of: given?.count ?? 0, in: command))
    }

    private static func names(_ flags: [CommandFlag]) -> [(String, String)] { flags.map { ("--\($0.name)", $0.type) } }

    /// What a command's usage wants after so many arguments, as in `CONTAINER` or `[NODE...]`; the last may be repeated.
    package static func kind(of given: Int, in command: Command) -> String {
        let usage = command.help.prefix { $0 != "\n" }
        let kinds = usage.split(separator: " ").drop { $0 != Substring("apus") }.dropFirst()
            .filter { word in word.contains { $0.isUppercase } && word != "[OPTIONS]" }
        return (given < kinds.count ? kinds[given] : kinds.last).map(String.init) ?? ""
    }

    /// Names of the objects of a kind that a usage names.
    private func objects(_ kind: String) async -> [(String, String)] {
        let sources: [(String, String, (JSON) -> [String])] = [
            ("CONTAINER", "/containers/json?all=1", { $0["Names"].strings.map { String($0.drop { $0 == "/" }) } }),
            ("IMAGE", "/images/json", { $0["RepoTags"].strings }), ("NETWORK", "/networks", { [$0["Name"].text] }),
            ("SERVICE", "/services", { [$0["Spec"]["Name"].text] }),
            ("NODE", "/nodes", { [$0["Description"]["Hostname"].text] }), ("VOLUME", "/volumes", { [$0["Name"].text] }),
        ]
        for (word, path, names) in sources where kind.contains(word) {
            // Without an engine there are no names to offer.
            guard let client = try? await session.client(), let answer = try? await client.json(.get(path)) else {
                return []
            }
            let list = word == "VOLUME" ? answer["Volumes"].elements : answer.elements
            return list.flatMap(names).sorted().map { ($0, "") }
        }
        return []
    }
}
