import Glibc
import Testing

/// What a machine can check of the house style.
@Suite struct TidyTests {
    static let longestFile = 400
    static let longestFunction = 70

    private let tree: SourceTree

    init() throws {
        tree = try SourceTree()
        try #require(tree.files.count > 50 && tree.targets.count > 20, "the sources were not found")
    }

    @Test func `no file is longer than 400 lines`() {
        for file in tree.files where !file.isGenerated {
            // Behind the last line's end stands one more, an empty one.
            let count = file.lines.count - 1
            if count > Self.longestFile { Issue.record("\(file.path) has \(count) lines") }
        }
    }

    @Test func `no function is longer than 70 lines`() {
        var count = 0
        for file in tree.files where !file.isGenerated && file.path.hasPrefix("Sources/") {
            for (number, length) in Self.functions(file.lines) {
                count += 1
                if length > Self.longestFunction {
                    Issue.record("\(file.path):\(number + 1) begins a function of \(length) lines")
                }
            }
        }
        #expect(count > 1000)
    }

    /// Line numbers, from 0, at which functions of several lines begin, and how many these are: up to the brace below the function's own beginning.
    static func functions(_ lines: [String]) -> [(Int, Int)] {
        lines.indices.compactMap { number in
            let line = lines[number]
            guard ["func", "init", "subscript", "deinit"].contains(where: { has($0, in: line) }), line.last != "}",
                let start = line.prefixMatch(
                    of: #/( *)(?:[@a-z]+(?:\([a-z_]+\))? )*(?:func |init\b|subscript\b|deinit\b)/#)
            else { return nil }
            for end in lines.indices.dropFirst(number + 1) where lines[end].hasPrefix(start.1) {
                let rest = lines[end].dropFirst(start.1.count)
                if rest.first == "}" { return (number, end - number + 1) }
                // A requirement has no body; signatures go on in lines that begin so.
                if let first = rest.first, !" )-{".contains(first) { return nil }
            }
            return nil
        }
    }

    @Test func `targets import only what the manifest lists for them`() {
        let names = Set(tree.targets.map(\.name))
        let allowed = Dictionary(tree.targets.map { ($0.name, Set($0.own)) }) { $1 }
        for file in tree.files {
            for (number, line) in file.lines.enumerated() where Self.has("import", in: line) {
                guard
                    let match = line.firstMatch(
                        of: #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:\w+\s+)?import\s+(?:\w+\s+)?(\w+)/#)
                else {
                    continue
                }
                let module = String(match.1)
                if names.contains(module), allowed[file.target]?.contains(module) != true {
                    Issue.record(
                        "\(file.path):\(number + 1) imports \(module), which Package.swift does not list for it")
                }
            }
        }
    }

    @Test func `targets depend only on targets further down`() {
        var below: Set<String> = []
        for target in tree.targets {
            for own in target.own where !below.contains(own) {
                Issue.record("\(target.name) depends on \(own), which is not listed before it")
            }
            below.insert(target.name)
        }
    }

    /// Never allowed.
    private static let banned = ["try!", "fatalError(", "as!", "Thread.sleep", "TODO", "FIXME", "XXX"]
    /// Allowed where a comment at the end of the line, or right above, says why.
    private static let excused = [
        "try?", "@unchecked Sendable", "nonisolated(unsafe)", "Task {", "Task.detached", "DispatchQueue",
    ]

    @Test func `words that hide faults are not used, or their use is explained`() {
        for file in tree.files where !file.isGenerated && file.target != "TidyTests" {
            for (number, line) in file.lines.enumerated() {
                let code = Self.code(of: line)
                for word in Self.banned where Self.has(word, in: code) {
                    Issue.record("\(file.path):\(number + 1) uses \(word)")
                }
                for word in Self.excused where Self.has(word, in: code) && !Self.isExplained(number, in: file.lines) {
                    Issue.record("\(file.path):\(number + 1) uses \(word) without a comment that says why")
                }
            }
        }
    }

    /// Words of our own that gave way to the field's (`docs/vocabulary.md` has those that stayed): whoever knows other engines would not know them.
    private static let givenUp = [
        "allot", "announce", "Bell", "Founding", "Glance", "HijackGate", "impatience", "Latest", "LiveBoard",
        "patience", "PortHolder", "QueryDesk",
        "RuleBook", "Seat", "StateBoard", "SwarmPart", "TaskBoard", "Turns", "wayOut", "Workbench",
    ]

    @Test func `words that were given up do not come back`() {
        for file in tree.files where file.path.hasPrefix("Sources/") && !file.isGenerated {
            for (number, line) in file.lines.enumerated() {
                let words = Set(
                    Self.code(of: line).split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
                for word in Self.givenUp where words.contains(word) {
                    Issue.record("\(file.path):\(number + 1) has the word \(word)")
                }
            }
        }
    }

    /// The types of targets that stand at the top of a file and others see: name → targets. A program's `main` is its own.
    private func topLevelTypes() -> [String: Set<String>] {
        var owners: [String: Set<String>] = [:]
        for file in tree.files where file.path.hasPrefix("Sources/") && !file.isGenerated && file.target != "TestKit" {
            for line in file.lines where line.first?.isLetter == true || line.hasPrefix("@") {
                guard
                    let match = line.prefixMatch(
                        of: #/((?:@?\w+ )*)(?:struct|class|enum|actor|protocol|typealias) (\w+)/#),
                    !match.1.contains("private")
                else { continue }
                owners[String(match.2), default: []].insert(file.target)
            }
        }
        owners["Program"] = nil
        return owners
    }

    /// Two things of one name are told apart by module names and aliases, and confused by whoever reads.
    @Test func `no two targets have a type of the same name`() {
        let owners = topLevelTypes()
        #expect(owners.count > 500)
        for (name, targets) in owners.sorted(by: { $0.key < $1.key }) where targets.count > 1 {
            Issue.record("\(name) is in \(targets.sorted().joined(separator: " and in "))")
        }
    }

    /// Within such a module nothing can be told apart by the module's name, which then means the type.
    @Test func `no type is named like a target`() {
        let targets = Set(tree.targets.map(\.name))
        for (name, owners) in topLevelTypes() where targets.contains(name) {
            Issue.record("\(name) of \(owners.sorted().joined(separator: " and of ")) is named like a target")
        }
    }

    /// A task that nobody owns is cancelled by nobody, and nobody waits for it: groups, `BackgroundTasks`, `OwnedTasks` and `uncancelled` begin
    /// tasks, which are all made in one target.
    @Test func `tasks are begun by the tools of Concurrency alone`() {
        for file in tree.files where file.path.hasPrefix("Sources/") && !file.isGenerated {
            for number in Self.looseTasks(file.lines) where file.target != "Concurrency" {
                Issue.record("\(file.path):\(number + 1) begins a task that nobody owns")
            }
        }
    }

    /// Line numbers, from 0.
    static func looseTasks(_ lines: [String]) -> [Int] {
        lines.indices.filter { number in
            let code = code(of: lines[number])
            return ["Task {", "Task(", "Task.detached", "Task<", "Task.init"].contains { word in
                has(word, in: code) && !code.contains("-> Task")
            }
        }
    }

    /// Whoever is woken up may be a task that is just being cancelled. Waking it waits for the handlers of its cancellation, and one of those may
    /// wait for the lock: neither ever goes on.
    @Test func `nobody is woken up and nothing cancelled under a lock`() {
        for file in tree.files where !file.isGenerated && file.path.hasPrefix("Sources/") {
            for (number, word) in Self.wakingUnderLock(file.lines) {
                Issue.record("\(file.path):\(number + 1) calls \(word) under a lock")
            }
        }
    }

    /// Line numbers, from 0, of calls within the braces of a `withLock` that wake or cancel tasks.
    static func wakingUnderLock(_ lines: [String]) -> [(Int, String)] {
        let waking =
            #/\.(?:yield|finish|cancel|cancelAll|succeed|fail|settle|signal|wake|resume(?=\(\)|\(returning|\(throwing|\(with))\(/#
        var found: [(Int, String)] = []
        var depth = 0
        var locks: [Int] = []
        for (number, line) in lines.enumerated() {
            var rest = Substring(code(of: line))
            while let next = rest.firstIndex(where: { "{}".contains($0) }) {
                if !locks.isEmpty { found += rest[..<next].matches(of: waking).map { (number, String($0.0)) } }
                if rest[next] == "{" {
                    depth += 1
                    if rest[..<next].contains(/withLock\(?[^()]*$/) { locks.append(depth) }
                } else {
                    if locks.last == depth { locks.removeLast() }
                    depth -= 1
                }
                rest = rest[rest.index(after: next)...]
            }
            if !locks.isEmpty { found += rest.matches(of: waking).map { (number, String($0.0)) } }
        }
        // A digest's last step is called so as well.
        return found.filter { !lines[$0.0].contains("igester.finish()") }
    }

    /// A line without its comment and the contents of its string literals.
    static func code(of line: String) -> String {
        var code: [UInt8] = []
        var isInString = false
        var previous = UInt8(ascii: " ")
        for byte in line.utf8 {
            if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { isInString.toggle() }
            if !isInString, byte == UInt8(ascii: "/"), previous == byte {
                return String(decoding: code.dropLast(), as: UTF8.self)
            }
            if !isInString { code.append(byte) }
            previous = byte
        }
        return String(decoding: code, as: UTF8.self)
    }

    /// Whether the word stands there by itself, not as the end of a longer one.
    static func has(_ word: String, in code: String) -> Bool {
        code.withCString { start in
            word.withCString { word in
                var from = start
                while let found = strstr(from, word) {
                    let place = UnsafePointer(found)
                    guard place > start else { return true }
                    let before = Character(UnicodeScalar(UInt8(bitPattern: (place - 1).pointee)))
                    if !(before.isLetter || before.isNumber || before == "_") { return true }
                    from = place + 1
                }
                return false
            }
        }
    }

    /// How many lines above a word its reason may be.
    static let farthestReason = 3

    static func isExplained(_ number: Int, in lines: [String]) -> Bool {
        // At the line's end, or at the end of the statement on the next one.
        if lines[number...].prefix(2).contains(where: { $0.contains("// ") }) { return true }
        // Or above the statements of which the line is one.
        for above in lines[..<number].reversed().prefix(farthestReason) {
            let text = above.trimmingPrefix { $0 == " " }
            if text.hasPrefix("//") { return true }
            if text.isEmpty || text.hasPrefix("}") { return false }
        }
        return false
    }

    @Test func `the checks see what they are for`() {
        let locked = [
            "state.withLock { state in", "if a { b() }", "state.reader?.yield(1)", "}", "reader.yield(2)",
            "x.withLock { $0.finish() }",
        ]
        #expect(Self.wakingUnderLock(locked).map(\.0) == [2, 5])
        let functions = [
            "    func a(", "        b: Int", "    ) {", "        if c {", "", "        }", "    }",
            "    func required()",
            "    init?(d: Int) { self.d = d }", "    @inline(__always) private static func e()", "        async",
            "    {",
            "        f()", "    }",
        ]
        #expect(Self.functions(functions).map(\.0) == [0, 9])
        #expect(Self.functions(functions).map(\.1) == [7, 5])
        let begun = [
            "Task { work() }", "let end = Task.detached { work() }", "group.addTask { work() }",
            "Task(priority: .low) {",
            "func shown() -> SwarmTask {", "try await Task.sleep(for: pause)",
        ]
        #expect(Self.looseTasks(begun) == [0, 1, 3])
        #expect(Self.wakingUnderLock(["for a in x.withLock({ $0 }) { a.cancel() }"]).isEmpty)
        #expect(Self.has("try?", in: Self.code(of: "let a = try? b() // \"try!\"")))
        #expect(!Self.has("try!", in: Self.code(of: "let a = try? b() // \"try!\"")))
        #expect(!Self.has("try!", in: Self.code(of: "let a = \"try!\"")))
        #expect(!Self.has("as!", in: Self.code(of: "x = hasalias!")))
        #expect(!Self.isExplained(1, in: ["}", "let a = try? b()"]))
        #expect(Self.isExplained(1, in: ["// Because.", "let a = try? b()"]))
        #expect(Self.isExplained(3, in: ["// Because.", "f(", "a,", "try? b())"]))
        #expect(!Self.isExplained(4, in: ["// Because.", "f(", "a,", "b,", "try? c())"]))
    }
}
