import FoundationEssentials
import Testing

/// Whatever is kept or sent between versions has recorded files of every form, see docs/records.md.
@Suite struct RecordFileTests {
    private struct Kind: Hashable {
        let name: String
        let version: Int
    }

    private let tree: SourceTree

    init() throws { tree = try SourceTree() }

    /// The kinds that the sources declare, in the order of the files.
    private func kinds() throws -> [Kind] {
        var kinds: [Kind] = []
        for file in tree.files where file.path.hasPrefix("Sources/") {
            let text = file.lines.joined(separator: "\n")
            let declared = text.matches(
                of: #/static let recordKind = "([a-z-]+)"\n\s*(?:package )?static let recordVersion = (\d+)\n/#)
            try #require(
                declared.count == text.matches(of: #/let recordKind\b/#).count,
                "\(file.path): the kind and then the version of a record are written as literals")
            kinds += declared.map { Kind(name: String($0.1), version: Int($0.2) ?? 0) }
        }
        return kinds
    }

    @Test func `every kind of records has a name of its own, and a recorded file of each of its forms`() throws {
        let kinds = try kinds()
        #expect(kinds.count > 15, "the kinds were not found")
        #expect(Set(kinds.map(\.name)).count == kinds.count, "two kinds of one name")
        for kind in kinds {
            for version in 1...max(1, kind.version) {
                let path = "Tests/Fixtures/Records/\(kind.name)/\(version).json"
                #expect(FileManager.default.fileExists(atPath: "\(SourceTree.root)/\(path)"), "\(path) is missing")
            }
        }
    }

    @Test func `every kind that was ever recorded is still read`() throws {
        let known = Set(try kinds().map(\.name))
        let directory = "\(SourceTree.root)/Tests/Fixtures/Records"
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where !known.contains(name) {
            Issue.record("nothing reads Tests/Fixtures/Records/\(name)")
        }
    }

    /// The tests that read what was recorded name every kind of records.
    @Test func `a test reads every kind's recorded files`() throws {
        let tests = tree.files.filter { $0.path.hasPrefix("Tests/") }.flatMap(\.lines).joined(separator: "\n")
        let read = tests.matches(of: #/RecordedFiles\.problems\(with: /#).count
        #expect(read >= Set(try kinds()).count)
    }

    /// JSON in files that is no record of ours.
    private static let allowed: [Allowance] = [
        Allowance(
            path: "Sources/Commands/Registry/CredentialStore.swift",
            form: "JSON.indented(Array(configuration.compact()",
            reason: "Docker's own `config.json`, which others write"),
        Allowance(
            path: "Sources/Commands/Registry/CredentialStore.swift", form: "WireJSON.encodeVerbatim(self)",
            reason: "told to a credential helper, or sent; kept as a text in `config.json`"),
        Allowance(
            path: "Sources/ContainerRuntime/ConmonRuntime.swift", form: "JSONText.encode(built.specification.process)",
            reason: "a process as the runtime specification has it"),
        Allowance(
            path: "Sources/ContainerRuntime/ConmonRuntime.swift", form: "JSONText.encode(built.specification)",
            reason: "the runtime specification's `config.json`, which the runtime reads"),
        Allowance(
            path: "Sources/ContainerRuntime/ConmonRuntime.swift", form: "JSONText.encode(requested)",
            reason: "read by the runtime, right afterwards"),
        Allowance(
            path: "Sources/ContainerRuntime/ConmonRuntime+Exec.swift",
            form: "JSONText.encode(try Self.process(request, from: own, bounding: bounding)",
            reason: "read by the runtime, right afterwards"),
        Allowance(
            path: "Sources/Lab/LabState.swift", form: "encoder.encode(self)",
            reason: "a cluster for tests on one machine, which is made anew with each version"),
    ]

    /// JSON that a file encodes, not as a record, while it writes files as well. What is encoded in one file and written in another is not seen.
    private static func unrecorded(in lines: [String]) -> [(line: Int, form: String)] {
        // By Unicode's rules, the usual ones, no word begins behind a dot between letters.
        let writing = #/\b(?:writeAtomically|rewrite)\(|\bPlainFile\.(?:write|replace)\(/#.wordBoundaryKind(.simple)
        guard lines.contains(where: { !$0.contains("func ") && $0.contains(writing) }) else { return [] }
        let json = #/[\w.]*\bencode(?:Verbatim)?\((?!record:|to |into: )[^)]*\)?|JSON\.indented\([^)]*\)?/#
            .wordBoundaryKind(.simple)
        var found: [(line: Int, form: String)] = []
        for (number, line) in lines.enumerated() {
            for match in line.matches(of: json) { found.append((line: number + 1, form: String(match.output))) }
        }
        return found
    }

    @Test func `whatever is kept in a file as JSON is a record`() {
        var found: [Allowance.Finding] = []
        for file in tree.files where file.path.hasPrefix("Sources/") && !file.isGenerated && file.target != "TestKit" {
            for finding in Self.unrecorded(in: file.lines.map { TidyTests.code(of: $0) }) {
                found.append((file.path, finding.line, finding.form))
            }
        }
        for problem in Self.allowed.problems(with: found, says: "writes JSON that is no record") {
            Issue.record("\(problem)")
        }
    }

    @Test func `JSON in files that is no record is seen`() {
        func forms(_ lines: String...) -> [String] { Self.unrecorded(in: lines).map { $0.form } }
        #expect(forms("try Files.writeAtomically(try JSONEncoder().encode(log), to: path)") == [".encode(log)"])
        #expect(
            forms("let bytes = try OCIDocument.encode(table)", "try PlainFile.replace(bytes, at: path)")
                == ["OCIDocument.encode(table)"])
        #expect(forms("try Files.writeAtomically(try PlainJSON.encode(record: log), to: path)").isEmpty)
        // Nothing is written here, or by somebody else.
        #expect(forms("let line = try WireJSON.encode(answer)").isEmpty)
        #expect(forms("static func writeAtomically(_ text: String) {", "try WireJSON.encode(answer)").isEmpty)
    }
}
