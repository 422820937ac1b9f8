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
}
