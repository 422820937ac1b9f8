import Commands
import Foundation
import Testing

/// What README tells to paste exists: commands, their flags, make's targets, files, images.
@Suite struct ReadmeTests {
    private static let top = URL(filePath: #filePath).appending(path: "../../../..").standardized

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: top.appending(path: path), encoding: .utf8)
    }

    /// Commands of the blocks and of the lines: what begins with `make`, `apus` or `docker`, without what a `#` or a pipe begins.
    private static func commands(of text: String) -> [[String]] {
        var found: [Substring] = []
        for (number, part) in text.components(separatedBy: "```").enumerated() {
            if number % 2 == 1 {
                found += part.split(separator: "\n")
            } else {
                found += part.matches(of: #/`([^`\n]+)`/#).map { $0.output.1 }
            }
        }
        return found.map { line in
            line.prefix { $0 != "#" && $0 != "|" }.split(separator: " ").map(String.init)
        }
        .filter { $0.count > 1 && ["make", "apus", "docker"].contains($0[0]) }
    }

    /// Why a command of apus or docker is none; `nil` for one that is.
    private static func fault(_ words: [String]) -> String? {
        let arguments = Array(words.dropFirst())
        if arguments[0] == "lab" {
            let names = Apus.labCommands.map(\.name)
            return arguments.count > 1 && names.contains(arguments[1]) ? nil : "no command of labs"
        }
        guard let found = CommandList.find(arguments) else { return "no command" }
        guard let command = found.command ?? CommandList.command(ofGroup: found.used) else {
            return arguments.count == found.count ? nil : "no command of \(found.used)"
        }
        for word in arguments.dropFirst(found.count).prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
            let name = word.dropFirst(2).prefix { $0 != "=" }
            if !command.flags.contains(where: { $0.name == name }) { return "no flag --\(name)" }
        }
        return nil
    }

    @Test func `every command is there`() throws {
        let commands = Self.commands(of: try Self.text("README.md"))
        let targets = try Self.text("Makefile").split(separator: "\n").compactMap { line in
            line.prefixMatch(of: #/([a-z-]+):/#).map { String($0.output.1) }
        }
        var seen: [String: Int] = [:]
        for words in commands {
            seen[words[0], default: 0] += 1
            if words[0] == "make" {
                #expect(targets.contains(words[1]), "make \(words[1])")
            } else {
                let fault = Self.fault(words)
                #expect(fault == nil, "\(words.joined(separator: " "))")
            }
        }
        for name in ["make", "apus", "docker"] { #expect(seen[name] ?? 0 >= 5, "\(name)") }
        // How to look into a lab, whose addresses exist only inside.
        #expect(
            commands.contains { $0.starts(with: ["apus", "lab", "exec"]) && $0.last?.hasPrefix("http://") == true })
        // How to push an image of one's own.
        #expect(commands.contains { $0.starts(with: ["docker", "push"]) })
    }

    @Test func `a command that is not there is found`() {
        for line in ["apus lab nothing", "docker nothing", "docker service nothing", "docker service create --nothing"]
        {
            let fault = Self.fault(line.split(separator: " ").map(String.init))
            #expect(fault != nil, "\(line)")
        }
    }

    @Test func `files and images are those that there are`() throws {
        let text = try Self.text("README.md")
        let files = text.matches(of: #/\b((?:Demo|Scripts|Acceptance|docs)/[A-Za-z0-9_./-]*[A-Za-z0-9])/#)
        #expect(files.count > 5)
        for match in files {
            let path = Self.top.appending(path: String(match.output.1)).path
            #expect(FileManager.default.fileExists(atPath: path), "\(path)")
        }
        let images = try Self.text("Demo/images/build").split(separator: "\n").compactMap { line in
            line.prefixMatch(of: #/    "([a-z/-]+)": \(\[/#).map {
                String($0.output.1).replacingOccurrences(of: "library/", with: "")
            }
        }
        #expect(images.count >= 5, "\(images)")
        for image in images { #expect(text.contains("`\(image)`"), "\(image)") }
    }
}
