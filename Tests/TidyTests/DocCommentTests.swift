import Testing

/// What targets offer each other says what a caller must know: shapes, units, errors, where a number or a rule comes from.
@Suite struct DocCommentTests {
    @Test func `what a target offers has a doc comment`() throws {
        let files = try SourceTree().files.filter { $0.path.hasPrefix("Sources/") && !$0.isGenerated }
        let counts = DocCommentRule.counts(in: files.map { ($0.path, $0.target, $0.lines) })
        #expect(counts.values.reduce(0) { $0 + $1.all } > 1000)
        for (target, count) in counts.sorted(by: { $0.key < $1.key }) {
            if count.missing.isEmpty { continue }
            let shown = count.missing.map(\.description).joined(separator: "\n")
            Issue.record("\(target) lacks \(count.missing.count) doc comments of \(count.all):\n\(shown)")
        }
    }

    private static func missing(_ lines: [String]) -> [String] {
        DocCommentRule.counts(in: [("a", "a", lines)])["a"]?.missing.map(\.name) ?? []
    }

    @Test func `the rule sees what it is for`() {
        #expect(Self.missing(["package struct A {}", "/// B.", "package struct B {}", "struct C {}"]) == ["A"])
        #expect(
            Self.missing([
                "/// A.", "@frozen", "package final class A {", "    package static func b(_ c: Int, to d: [Int]) {",
            ]) == ["b(_:to:)"])
        // Of initialisers those that can fail or wait; of values bare numbers and dictionaries.
        #expect(
            Self.missing([
                "package init(a: Int) { self.a = a }", "package init?(b: Int) {", "package init(", "    c: Int",
                ") async throws {",
            ]) == ["init(b:)", "init(c:)"])
        #expect(
            Self.missing([
                "package var a = 1", "package let b: Int64?", "package var c: [String: Int] { d }",
                "package var d: [Int]",
                "package let e: ByteCount", "package var sentBytes: Int",
            ]) == ["b", "c"])
        #expect(
            Self.missing([
                "/// A.", "@Zero package var a: Int", "@Zero package var b: Int", "/// C.", "@Sendable",
                "package var c: Int",
            ]) == ["b"])
        #expect(Self.missing(["package init(a: @escaping (Int) async throws -> Void) { self.a = a }"]).isEmpty)
        // What a protocol requires is explained there, and once.
        let requiring = [
            "/// A.", "package protocol A {", "    /// B.", "    func b(_ c: Int)", "    var d: Bool { get }", "}",
        ]
        #expect(Self.missing(requiring) == ["d"])
        #expect(Self.missing(requiring + ["package func b(_ other: Int) {}", "package func b() {}"]) == ["d", "b()"])
    }
}
