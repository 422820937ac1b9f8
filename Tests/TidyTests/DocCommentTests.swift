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
        #expect(
            Self.missing(
                requiring + [
                    "extension C: A {", "    package func b(_ other: Int) {}", "    package func b() {}", "}",
                ]) == ["d", "b()"])
    }

    @Test func `a protocol excuses those that conform to it, and nobody else`() {
        let protocols = [
            "/// A.", "package protocol A {", "    /// B.", "    func b(_ c: Int)", "}", "protocol D: Sendable, A {}",
            "typealias E = Sendable & A",
        ]
        func missing(_ header: String..., more: [String] = []) -> [String] {
            Self.missing(protocols + header + ["    package func b(_ c: Int) {}", "}"] + more)
        }
        // By its own header or another's, through other protocols and compositions, and as what the protocol gives by itself.
        for header in [
            "struct S: A {", "final class S: Other, @unchecked Sendable, A {", "extension S: M.A {", "actor S: D {",
            "struct S<T: Hashable>: A where T: Sendable {", "struct S: Sendable & A {", "extension E.S: E {",
            "extension A {", "extension A where Self: Sendable {",
        ] { #expect(missing(header).isEmpty, "\(header)") }
        #expect(missing("struct S:", "    Sendable,", "    A", "{").isEmpty)
        #expect(missing("struct S {", more: ["extension S: A {}"]).isEmpty)
        #expect(missing("struct S {", more: ["extension M.S: D {}"]).isEmpty)
        #expect(missing("class S {", more: ["class S: T {}", "class T: A {}"]).isEmpty)
        for header in [
            "struct S {", "extension S {", "struct S<T: A> {", "struct S<T>: Sendable where T: A {",
            "struct S: Sendable {  // : A", "extension S: AB {",
        ] { #expect(missing(header) == ["b(_:)"], "\(header)") }
        // A neighbour's, the type around it, and none.
        #expect(missing("struct S {", more: ["struct T: A {}"]) == ["b(_:)"])
        #expect(
            Self.missing(
                protocols + ["struct S: A {", "    struct T {", "        package func b(_ c: Int) {}", "    }", "}"])
                == ["b(_:)"])
        #expect(
            Self.missing(
                protocols + ["struct S {", "    struct T: A {", "    }", "    package func b(_ c: Int) {}", "}"])
                == ["b(_:)"])
        #expect(Self.missing(protocols + ["struct S: A {}", "package func b(_ c: Int) {}"]) == ["b(_:)"])
    }
}
