/// One flag of a command, as its help tells it.
package struct CommandFlag: Sendable, Equatable {
    package let name: String
    package let short: Character?
    /// The word after the name: `list`, `bytes`, `duration`, …; empty for a switch.
    package let type: String

    package init(name: String, short: Character?, type: String) {
        self.name = name
        self.short = short
        self.type = type
    }

    package var isSwitch: Bool { type.isEmpty }

    /// As messages name it.
    package var display: String { short.map { "-\($0), --\(name)" } ?? "--\(name)" }

    /// Reads the lines of a help text that begin with a flag: `  -x, --name type   What it does`.
    package static func flags(in help: String) -> [CommandFlag] {
        help.split(separator: "\n").compactMap { line in
            var rest = line.drop { $0 == " " }
            let indent = line.count - rest.count
            guard rest.hasPrefix("-"), indent == 2 || indent == 6 else { return nil }
            var short: Character?
            if !rest.hasPrefix("--") {
                guard rest.count > 6, rest.dropFirst(2).hasPrefix(", --") else { return nil }
                short = rest.dropFirst().first
                rest = rest.dropFirst(4)
            }
            let text = rest.dropFirst(2)
            let specification = text.firstRange(of: "  ").map { text[..<$0.lowerBound] } ?? text
            let parts = specification.split(separator: " ", maxSplits: 1)
            guard let name = parts.first else { return nil }
            return CommandFlag(name: String(name), short: short, type: parts.count > 1 ? String(parts[1]) : "")
        }
    }
}
