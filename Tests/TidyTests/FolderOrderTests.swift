import FoundationEssentials
import Testing

/// A target's folders stand in one order: what is in one names types of those before it only, and members that extensions there give to types.
/// ARCHITECTURE.md has the orders; what is in no folder has its place among them as `.`.
@Suite struct FolderOrderTests {
    /// In how many files of a target a type may be declared and extended.
    private static let mostFiles = 6

    /// Each command of the command line is one, in a file with those of its resource.
    private static let wide: Set<String> = ["Commands.Command"]

    private func graphs() throws -> [String: FolderGraph] {
        let tree = try SourceTree()
        let sources = tree.files.filter { $0.path.hasPrefix("Sources/") && !$0.isGenerated }
        let graphs = Dictionary(grouping: sources, by: \.target).mapValues(FolderGraph.init)
        try #require(graphs.count > 10, "the sources were not found")
        return graphs
    }

    /// Rows of the table: `| Target | first, second, … |`, or `no order yet` for the second cell.
    private static func orders() throws -> [String: [String]?] {
        let text = try String(contentsOfFile: SourceTree.root + "/ARCHITECTURE.md", encoding: .utf8)
        guard let start = text.firstRange(of: "### Folders") else { return [:] }
        var orders: [String: [String]?] = [:]
        for line in text[start.upperBound...].split(separator: "\n").prefix(while: { !$0.hasPrefix("#") }) {
            guard let row = line.wholeMatch(of: #/\| `(\w+)` \| (.+) \|/#) else { continue }
            let isOrdered = row.2 != "no order yet"
            orders.updateValue(
                isOrdered ? row.2.matches(of: #/`([\w.]+)`/#).map { String($0.1) } : nil, forKey: String(row.1))
        }
        return orders
    }

    @Test func `a folder names only types and members of the folders before it`() throws {
        let orders = try Self.orders()
        let folders = try graphs()
        for (target, graph) in folders.sorted(by: { $0.key < $1.key }) where graph.folders.count > 1 {
            switch orders[target] {
            case nil: Issue.record("ARCHITECTURE.md has no order of the folders of \(target)")
            case .some(nil):
                #expect(graph.hasLoops, "the folders of \(target) have an order: write it into ARCHITECTURE.md")
            case .some(let order?):
                #expect(Set(order) == graph.folders, "ARCHITECTURE.md has other folders of \(target)")
                for use in graph.uses {
                    guard let from = order.firstIndex(of: use.folder), let to = order.firstIndex(of: use.owner),
                        to > from
                    else { continue }
                    Issue.record(
                        "\(use.path):\(use.line) names \(use.name), which is in \(use.owner), after \(use.folder)")
                }
            }
        }
        for target in orders.keys where (folders[target]?.folders.count ?? 0) < 2 {
            Issue.record("ARCHITECTURE.md has an order of folders of \(target), which has none")
        }
    }

    @Test func `no type is spread over many files`() throws {
        var found: Set<String> = []
        for (target, graph) in try graphs() {
            for (type, files) in graph.spread where files.count > Self.mostFiles {
                found.insert("\(target).\(type)")
                if !Self.wide.contains("\(target).\(type)") {
                    Issue.record("\(type) is in \(files.count) files of \(target): \(files.sorted())")
                }
            }
        }
        for name in Self.wide.subtracting(found) {
            Issue.record("\(name) is not spread any more: take it off the list")
        }
    }

    @Test func `uses of types are seen where they are`() {
        func file(_ path: String, _ text: String) -> SourceTree.File {
            SourceTree.File(path: "Sources/T/\(path)", lines: text.split(separator: "\n").map(String.init))
        }
        let graph = FolderGraph([
            file("A/One.swift", "struct One {\n    struct Inner {}\n}\nextension Two {}"),
            file("B/Two.swift", "// One\npackage final class Two {\n    let a = \"One\"\n    let b: Other.One\n}"),
            file("B/Three.swift", "private struct One {}\nfunc f(_ one: One) {}\nextension Two.Inner: Codable {}"),
            file("Four.swift", "enum Four { case one(One) }"),
        ])
        #expect(graph.uses.map { "\($0.folder) \($0.name)" }.sorted() == [". One", "A Two"])
        #expect(!graph.hasLoops)
        #expect(graph.spread["Two"]?.count == 2)
        #expect(graph.spread["Two.Inner"]?.count == 1)
        let looped = FolderGraph([
            file("A/One.swift", "struct One { var two: Two }"), file("B/Two.swift", "struct Two { var one: One }"),
        ])
        #expect(looped.hasLoops)
    }

    @Test func `uses of members that an extension declares are seen where they are`() {
        func file(_ path: String, _ text: String) -> SourceTree.File {
            SourceTree.File(path: "Sources/T/\(path)", lines: text.split(separator: "\n").map(String.init))
        }
        let one = file(
            "A/One.swift",
            "struct One {\n    let own: Int\n}\nlet sum = one.late + one.twice + one.hidden + one.own\nlet some = [1].append(2)"
        )
        // Declared twice, privately or in a function, or called as something of the standard library: nobody can tell that it is this one.
        let extended = file(
            "B/Late.swift",
            "extension One {\n    @inlinable package static var late: Int { own }\n    var twice: Int { 2 }\n"
                + "    func append(_ other: One) {}\n    private var hidden: Int { 0 }\n    init() { let own = 0 }\n}")
        let other = file("B/Other.swift", "struct Other {\n    var twice: Int\n}")
        let graph = FolderGraph([one, extended, other])
        #expect(graph.uses.map { "\($0.folder) \($0.name)" }.sorted() == ["A late", "B One", "B One"])
        #expect(graph.hasLoops)
        // Declared before it is used: one way only.
        let moved = FolderGraph([one, file("A/Late.swift", extended.lines.joined(separator: "\n")), other])
        #expect(moved.uses.isEmpty && !moved.hasLoops)
    }
}

/// Which folders of a target name types and members of which. Reads text: names of types that the target declares at the top of a file, and, behind
/// a dot, of members that an extension declares, where nothing else in the target is declared under that name.
struct FolderGraph {
    struct Use {
        let path: String
        /// From 1.
        let line: Int
        let folder: String
        /// Of a type, or of a member.
        let name: String
        /// The folder that it is in.
        let owner: String
    }

    /// `.` for what is in none.
    let folders: Set<String>
    private(set) var uses: [Use] = []
    /// The files that each type is declared or extended in.
    private(set) var spread: [String: Set<String>] = [:]
    /// Which folders' types and members each folder names.
    private var needs: [String: Set<String>] = [:]

    init(_ files: [SourceTree.File]) {
        folders = Set(files.map(Self.folder(of:)))
        var owners: [String: Set<String>] = [:]
        var members: [String: Set<String>] = [:]
        var declared: [String: Int] = [:]
        var read: [(file: SourceTree.File, words: [SourceWord], own: Set<String>)] = []
        for file in files {
            let words = SourceWord.all(in: file.lines)
            var own: Set<String> = []
            for declaration in SourceDeclaration.all(in: words) {
                if declaration.isAtTop { spread[declaration.name, default: []].insert(file.path) }
                if declaration.isExtension { continue }
                own.insert(declaration.name)
                if declaration.isAtTop, !declaration.isPrivate {
                    owners[declaration.name, default: []].insert(Self.folder(of: file))
                }
            }
            for name in SourceMember.inExtensions(words) { members[name, default: []].insert(Self.folder(of: file)) }
            for name in SourceMember.declared(words) { declared[name, default: 0] += 1 }
            read.append((file, words, own))
        }
        for (file, words, own) in read {
            let folder = Self.folder(of: file)
            for word in words {
                let found: Set<String>?
                if word.isAfterDot {
                    found = declared[word.text] == 1 ? members[word.text] : nil
                } else {
                    found = word.isName && !own.contains(word.text) ? owners[word.text] : nil
                }
                guard let places = found, places.count == 1, let owner = places.first, owner != folder else { continue }
                uses.append(Use(path: file.path, line: word.line, folder: folder, name: word.text, owner: owner))
                needs[folder, default: []].insert(owner)
            }
        }
    }

    /// Whether no order has every folder after those whose types it names.
    var hasLoops: Bool {
        var rest = folders
        while true {
            let free = rest.filter { (needs[$0] ?? []).isDisjoint(with: rest) }
            if free.isEmpty { return !rest.isEmpty }
            rest.subtract(free)
        }
    }

    private static func folder(of file: SourceTree.File) -> String {
        let parts = file.path.split(separator: "/")
        return parts.count > 3 ? String(parts[2]) : "."
    }
}

/// A word of the code, comments and texts left out.
struct SourceWord {
    let text: String
    /// From 1.
    let line: Int
    /// How far from the line's beginning it is, with the mark of an attribute.
    let column: Int
    let isAfterDot: Bool

    var isAtLineStart: Bool { column == 0 }

    /// It begins with a capital and stands by itself: what follows a dot is somebody's own.
    var isName: Bool { !isAfterDot && text.utf8.first.map { (65...90).contains($0) } ?? false }

    static func all(in lines: [String]) -> [SourceWord] {
        var words: [SourceWord] = []
        var isInText = false
        for (number, line) in lines.enumerated() {
            // The content of a text of several lines.
            if line.contains("\"\"\"") {
                isInText.toggle()
                if !isInText { continue }
            } else if isInText {
                continue
            }
            words += self.words(in: line, number + 1)
        }
        return words
    }

    private static func words(in line: String, _ number: Int) -> [SourceWord] {
        var words: [SourceWord] = []
        var word: [UInt8] = []
        var start = 0
        var before: UInt8 = 0
        var previous: UInt8 = 0
        var isInString = false
        for (column, byte) in line.utf8.enumerated() {
            defer { previous = byte }
            if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { isInString.toggle() }
            if isInString { continue }
            if byte == UInt8(ascii: "/"), previous == byte { break }
            if isPart(byte) {
                if word.isEmpty { (start, before) = (column, previous) }
                word.append(byte)
            } else if !word.isEmpty {
                words.append(Self(word, number, start, before))
                word = []
            }
        }
        if !word.isEmpty { words.append(Self(word, number, start, before)) }
        return words
    }

    private init(_ bytes: [UInt8], _ line: Int, _ start: Int, _ before: UInt8) {
        text = String(decoding: bytes, as: UTF8.self)
        self.line = line
        column = before == UInt8(ascii: "@") ? start - 1 : start
        isAfterDot = before == UInt8(ascii: ".")
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 95: true
        default: byte >= 128
        }
    }
}

/// Where a type is declared or extended.
struct SourceDeclaration {
    /// Of an extension with the types around it: `Outer.Inner`.
    let name: String
    let isAtTop: Bool
    let isPrivate: Bool
    let isExtension: Bool

    private static let keywords: Set<String> = [
        "struct", "class", "enum", "actor", "protocol", "typealias", "extension",
    ]

    static func all(in words: [SourceWord]) -> [SourceDeclaration] {
        var found: [SourceDeclaration] = []
        var isAtTop = false
        var isPrivate = false
        var line = 0
        for (number, (word, next)) in zip(words, words.dropFirst()).enumerated() {
            if word.line != line { (line, isAtTop, isPrivate) = (word.line, word.isAtLineStart, false) }
            if word.text.hasSuffix("private") { isPrivate = true }
            guard keywords.contains(word.text), !word.isAfterDot, next.line == word.line, next.isName else { continue }
            let inner = words.dropFirst(number + 2).prefix { $0.isAfterDot && $0.line == word.line }
            let name = ([next] + inner).map(\.text).joined(separator: ".")
            found.append(
                SourceDeclaration(
                    name: name, isAtTop: isAtTop, isPrivate: isPrivate, isExtension: word.text == "extension"))
        }
        return found
    }
}

/// Names of properties, functions and cases that a file declares.
enum SourceMember {
    private static let keywords: Set<String> = ["var", "let", "func", "case"]
    private static let modifiers: Set<String> = [
        "discardableResult", "final", "indirect", "inlinable", "mutating", "nonisolated", "nonmutating", "override",
        "package",
        "public", "static",
    ]

    /// What types of the standard library, and of many targets, call theirs, too.
    private static let common: Set<String> = [
        "append", "contains", "count", "description", "filter", "first", "insert", "last", "load", "map", "merge",
        "prefix", "remove",
        "removeAll", "replace", "seconds", "sorted", "store", "union", "update",
    ]

    /// Of whatever is declared, in functions as well, once for each time.
    static func declared(_ words: [SourceWord]) -> [String] {
        zip(words, words.dropFirst()).compactMap { word, next in
            keywords.contains(word.text) && next.line == word.line ? next.text : nil
        }
    }

    /// Of what extensions at the top of the file give to their types, others than private ones and those with a common name.
    static func inExtensions(_ words: [SourceWord]) -> Set<String> {
        var found: Set<String> = []
        var isInExtension = false
        var rest = words[...]
        while let first = rest.first {
            let line = rest.prefix { $0.line == first.line }
            rest = rest.dropFirst(line.count)
            if first.isAtLineStart {
                isInExtension =
                    line.contains { $0.text == "extension" } && !line.contains { $0.text.hasSuffix("private") }
            } else if isInExtension, first.column == 4 {
                let declaration = line.drop { modifiers.contains($0.text) }
                guard let keyword = declaration.first, keywords.contains(keyword.text) else { continue }
                if let name = declaration.dropFirst().first { found.insert(name.text) }
            }
        }
        return found.subtracting(common)
    }
}
