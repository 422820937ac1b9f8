import DockerAPI
import Foundation
import Testing

/// `docs/api.md` says what becomes of every operation of the Engine API's definition.
@Suite struct APIDocumentTests {
    struct Definition: Decodable {
        let method: String
        let path: String
        let group: String
    }

    private static let place = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/api.md")

    private static func definition() throws -> [Definition] {
        let file = try #require(Bundle.module.url(forResource: "operations", withExtension: "json"))
        return try JSONDecoder().decode([Definition].self, from: Data(contentsOf: file))
    }

    @Test func `the routes know every operation of the definition and no other`() throws {
        let known = Set(APIOperation.all.map { "\($0.method) \($0.path)" })
        #expect(known == Set(try Self.definition().map { "\($0.method) \($0.path)" }))
        #expect(known.count == APIOperation.all.count && known.count > 100)
    }

    /// With APUS_WRITE_DOCS in the environment (`make api-docs`) the document is written anew.
    @Test func `docs slash api is up to date`() throws {
        let text = Self.document(of: try Self.definition())
        if ProcessInfo.processInfo.environment["APUS_WRITE_DOCS"] != nil {
            try text.write(to: Self.place, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: Self.place, encoding: .utf8)
        #expect(written == text, "docs/api.md is out of date: `make api-docs` writes it")
    }

    private static func document(of definition: [Definition]) -> String {
        let operations = APIOperation.all
        let states = Dictionary(operations.map { ("\($0.method) \($0.path)", $0.state) }) { $1 }
        var text = """
            # The Engine API, operation by operation

            Generated from the routes and the list of operations of the API's definition, version 1.50, by `make api-docs`; a test fails
            when it is out of date. *Works* means that the operation does what clients use it for; single options that are refused are told in
            [status.md](status.md). *Refused* means 501 with the reason given, *missing* 501 with the operation's name.


            """
        let counts = [
            ("work", operations.count { $0.state == .works }),
            (
                "are refused with a reason",
                operations.count { if case .refused = $0.state { true } else { false } }
            ), ("are missing", operations.count { $0.state == .missing }),
        ]
        text += "Of \(operations.count) operations " + counts.map { "\($0.1) \($0.0)" }.joined(separator: ", ") + ".\n"
        for group in Set(definition.map(\.group)).sorted() {
            text += "\n## \(group)\n\n| operation | state |\n|---|---|\n"
            for row in definition where row.group == group {
                let state =
                    switch states["\(row.method) \(row.path)"] {
                    case .works: "works"
                    case .refused(let reason): "refused: \(reason)"
                    case .missing, nil: "missing"
                    }
                text += "| `\(row.method) \(row.path)` | \(state) |\n"
            }
        }
        return text
    }
}
