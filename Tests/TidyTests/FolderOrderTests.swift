import FoundationEssentials
import Testing

/// A target's folders stand in one order: what is in one names types of those before it only. ARCHITECTURE.md has the orders; what is in no
/// folder has its place among them as `.`.
@Suite struct FolderOrderTests {
    /// In how many files of a target a type may be declared and extended.
    private static let mostFiles = 6

    /// Types that are in more: to become fewer.
    private static let wide: Set<String> = [
        "Cluster.Manager", "Commands.CommandList", "Images.ImageStore",
        // Each command of the command line is one, in a file with those of its resource.
        "Commands.Command",
    ]

    private let folders: [String: FolderGraph]

    init() throws {
        let tree = try SourceTree()
        let sources = tree.files.filter { $0.path.hasPrefix("Sources/") && !$0.isGenerated }
        folders = Dictionary(grouping: sources, by: \.target).mapValues(FolderGraph.init)
        try #require(folders.count > 10, "the sources were not found")
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

    @Test func `a folder names only types of the folders before it`() throws {
        let orders = try Self.orders()
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
                        "\(use.path):\(use.line) names \(use.type), which is in \(use.owner), after \(use.folder)")
                }
            }
        }
        for target in orders.keys where (folders[target]?.folders.count ?? 0) < 2 {
            Issue.record("ARCHITECTURE.md has an order of folders of \(target), which has none")
        }
    }

    @Test func `no type is spread over many files`() {
        var found: Set<String> = []
        for (target, graph) in folders {
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
            file("B/Three.swift", "private struct One {}\nfunc f(_ one: One) {}"),
            file("Four.swift", "enum Four { case one(One) }"),
        ])
        #expect(graph.uses.map { "\($0.folder) \($0.type)" }.sorted() == [". One", "A Two"])
        #expect(!graph.hasLoops)
        #expect(graph.spread["Two"]?.count == 2)
        let looped = FolderGraph([
            file("A/One.swift", "struct One { var two: Two }"), file("B/Two.swift", "struct Two { var one: One }"),
        ])
        #expect(looped.hasLoops)
    }
}

/// Which folders of a target name types of which. Reads text: names of types that the target declares at the top of a file.
struct FolderGraph {
    struct Use {
        let path: String
        /// From 1.
        let line: Int
        let folder: String
        let type: String
        /// The folder that the type is in.
        let owner: String
    }

    /// `.` for what is in none.
    let folders: Set<String>
    private(set) var uses: [Use] = []
    /// The files that each type is declared or extended in.
    private(set) var spread: [String: Set<String>] = [:]

    init(_ files: [SourceTree.File]) {
        let code = files.map { file in file.lines.map { TidyTests.code(of: $0) } }
        folders = Set(files.map(Self.folder(of:)))
        var owners: [String: Set<String>] = [:]
        var own: [Set<String>] = []
        for (file, lines) in zip(files, code) {
            var here: Set<String> = []
            for line in lines {
                if let name = Self.declared(line) {
                    here.insert(name)
                    if !line.hasPrefix(" ") {
                        spread[name, default: []].insert(file.path)
                        if !line.contains(#/^(file)?private /#) {
                            owners[name, default: []].insert(Self.folder(of: file))
                        }
                    }
                } else if let match = line.firstMatch(of: #/^(?:\w+ )*extension ([\w.]+)/#) {
                    spread[String(match.1), default: []].insert(file.path)
                }
            }
            own.append(here)
        }
        for (index, (file, lines)) in zip(files, code).enumerated() {
            let folder = Self.folder(of: file)
            for (number, line) in lines.enumerated() {
                for name in Self.names(in: line) where !own[index].contains(name) {
                    guard let places = owners[name], places.count == 1, let owner = places.first, owner != folder
                    else { continue }
                    uses.append(Use(path: file.path, line: number + 1, folder: folder, type: name, owner: owner))
                }
            }
        }
    }

    /// Whether no order has every folder after those whose types it names.
    var hasLoops: Bool {
        var rest = folders
        while true {
            let free = rest.filter { folder in
                !uses.contains { $0.folder == folder && rest.contains($0.owner) }
            }
            if free.isEmpty { return !rest.isEmpty }
            rest.subtract(free)
        }
    }

    private static func folder(of file: SourceTree.File) -> String {
        let parts = file.path.split(separator: "/")
        return parts.count > 3 ? String(parts[2]) : "."
    }

    private static func declared(_ line: String) -> String? {
        line.firstMatch(
            of: #/^ *(?:@\w+(?:\([^)]*\))? )*(?:\w+ )*?(?:struct|class|enum|actor|protocol|typealias) (\w+)/#
        ).map { String($0.1) }
    }

    /// Words that begin with a capital and stand by themselves; what follows a dot is somebody's own.
    private static func names(in line: String) -> [String] {
        var names: [String] = []
        var word = ""
        var before: Character = " "
        for character in line + " " {
            if character.isLetter || character.isNumber || character == "_" {
                word.append(character)
                continue
            }
            if word.first?.isUppercase == true, before != "." { names.append(word) }
            word = ""
            before = character
        }
        return names
    }
}
