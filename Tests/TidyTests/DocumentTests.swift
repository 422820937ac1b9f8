import FoundationEssentials
import Testing

/// Names of types and files that documents point to, so that nobody is sent to what is called otherwise by now.
@Suite struct DocumentTests {
    private let tree: SourceTree
    /// Targets, types, global functions, and files without their endings.
    private let names: Set<String>

    init() throws {
        let tree = try SourceTree()
        var names = Set(tree.targets.map(\.name))
        for file in tree.files where !file.isGenerated {
            names.insert(Self.name(of: file.path))
            for line in file.lines { if let name = Self.declared(in: line) { names.insert(name) } }
        }
        self.names = names
        self.tree = tree
    }

    private static let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias", "func"]

    /// What a line declares: the word after the kind of declaration.
    private static func declared(in line: String) -> String? {
        let words = line.split(separator: " ", maxSplits: 8)
        guard let kind = words.firstIndex(where: kinds.contains), let name = words.dropFirst(kind + 1).first else {
            return nil
        }
        return String(name.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }

    /// `Sources/A/B/C+D.swift` is `C+D`.
    private static func name(of path: String) -> String {
        String((path.split(separator: "/").last ?? "").prefix { $0 != "." })
    }

    private func text(_ document: String) throws -> String {
        try String(contentsOfFile: "\(SourceTree.root)/\(document)", encoding: .utf8)
    }

    @Test func `what the vocabulary names is there`() throws {
        let rows = try text("docs/vocabulary.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
        #expect(rows.count > 50)
        for row in rows {
            // The last column alone: the others hold words, not names of code.
            let last = row.split(separator: "|").last ?? ""
            for match in last.matches(of: #/`([^`]+)`/#) {
                let name = String(match.1)
                let isThere =
                    names.contains(name) || FileManager.default.fileExists(atPath: "\(SourceTree.root)/\(name)")
                #expect(isThere, "docs/vocabulary.md names \(name)")
            }
        }
    }

    @Test func `what the threat model names is there`() throws {
        let text = try text("docs/threat-model.md")
        let attack = try self.text("Acceptance/attack")
        var count = 0
        for row in text.split(separator: "\n") where row.hasPrefix("| ") {
            let cells = row.split(separator: "|").map(String.init)
            guard cells.count == 4 else { continue }
            // Where: `Target/File`, or `File` of the target named before it.
            for match in cells[2].matches(of: #/`([^`]+)`/#) {
                let path = String(match.1)
                if path.hasPrefix("docs/") || path.hasSuffix("/") {
                    #expect(FileManager.default.fileExists(atPath: "\(SourceTree.root)/\(path)"), "\(path)")
                } else {
                    let last = path.split(separator: "/").last.map(String.init) ?? path
                    let isThere =
                        names.contains(last) || names.contains(Self.name(of: last))
                        || FileManager.default.fileExists(atPath: "\(SourceTree.root)/\(path)")
                    #expect(isThere, "docs/threat-model.md names \(path)")
                }
                count += 1
            }
            // What holds it: suites, and functions of the attacker.
            for match in cells[3].matches(of: #/\b([A-Z]\w+Tests)\b/#) {
                let isThere = names.contains(String(match.1))
                #expect(isThere, "docs/threat-model.md names the suite \(match.1)")
            }
            if let checks = cells[3].firstMatch(of: #/attack ((?:`\w+`(?:, )?)+)/#) {
                for match in checks.1.matches(of: #/`(\w+)`/#) {
                    let isThere = attack.contains("def \(match.1)(")
                    #expect(isThere, "docs/threat-model.md names the attack \(match.1)")
                }
            }
        }
        #expect(count > 40)
    }

    /// Rows of the table of targets: `| layer | `Target`, … | what it is for |`.
    @Test func `targets stand in ARCHITECTURE, and depend on none of a higher layer`() throws {
        var layers: [String: Int] = [:]
        for row in try text("ARCHITECTURE.md").split(separator: "\n") {
            guard let cells = row.prefixMatch(of: #/\| (\d) \| ([^|]+) \|/#) else { continue }
            for match in cells.2.matches(of: #/`([\w-]+)`/#) { layers[String(match.1)] = Int(cells.1) }
        }
        let known = Set(tree.targets.filter { !$0.isTest && $0.name != "TestKit" }.map(\.name))
        #expect(known == Set(layers.keys))
        for target in tree.targets {
            for own in target.own {
                guard let layer = layers[target.name], let other = layers[own], other > layer else { continue }
                Issue.record("\(target.name), in layer \(layer), depends on \(own), in layer \(other)")
            }
        }
    }

    /// Steps of a walk: `3. `File` [4] — …`, of which each has the layers of its files in brackets.
    @Test func `walks of ARCHITECTURE say where they go up`() throws {
        let text = try text("ARCHITECTURE.md")
        let walks = text.split(separator: "\n## ").first { $0.hasPrefix("Five walks") }?.split(separator: "\n### ")
        var count = 0
        for walk in (walks ?? []).dropFirst() {
            let lines = walk.split(separator: "\n")
            // The whole of it goes up.
            if lines.dropFirst().first?.contains("**up**") == true { continue }
            var former = Int.max
            for line in lines where line.prefixMatch(of: #/\d+\. /#) != nil {
                let layers = line.matches(of: #/\[(\d)\]/#).compactMap { Int($0.1) }
                guard let first = layers.first, let last = layers.last else { continue }
                count += 1
                let rises = first > former || last > first
                if rises { #expect(line.contains("**up**"), "ARCHITECTURE.md goes up without a word: \(line)") }
                former = last
            }
        }
        #expect(count > 40)
    }

    @Test func `files that ARCHITECTURE names are there`() throws {
        var targets = Set(tree.targets.map(\.name))
        targets.formIntersection(tree.files.filter { $0.path.hasPrefix("Sources/") }.map(\.target))
        let paths = tree.files.map { String($0.path.dropFirst("Sources/".count)) }
        for match in try text("ARCHITECTURE.md").matches(of: #/[A-Z]\w+(?:/[\w+]+)+(?:\.swift)?/#) {
            let path = String(match.0)
            guard let target = path.split(separator: "/").first, targets.contains(String(target)) else { continue }
            let isThere = paths.contains { $0 == path || $0 == path + ".swift" || $0.hasPrefix(path + "/") }
            #expect(isThere, "ARCHITECTURE.md names \(path)")
        }
    }
}
