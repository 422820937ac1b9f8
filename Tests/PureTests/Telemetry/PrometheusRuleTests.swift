import Foundation
import Testing

/// The rules for Prometheus in `docs/prometheus`, against the pages that there are and with Prometheus' own tool.
@Suite struct PrometheusRuleTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let folder = root.appending(path: "docs/prometheus")

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
    }

    /// Names of our own that stand in a text, and what a label compares there.
    private func names(in text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
                .matches(of: #/\bapus_[a-z_]+/#).map { String($0.0) })
    }

    @Test func `every expression is of metrics that a page has, with labels that they have`() throws {
        let page = ExpositionTests.pages(.text).first { $0.name == "cluster" }?.text ?? ""
        var labels: [String: Set<String>] = [:]
        for line in page.split(separator: "\n") where !line.hasPrefix("#") {
            let name = String(line.prefix { $0 != "{" && $0 != " " })
            labels[name, default: []].formUnion(line.matches(of: #/([a-z_]+)="/#).map { String($0.1) })
        }
        let rules = try text("alerts.yml")
        let used = names(in: rules)
        #expect(used.count > 6)
        #expect(used.subtracting(labels.keys) == [])
        for match in rules.matches(of: #/(apus_[a-z_]+)\{([a-z_]+)=/#) {
            #expect(labels[String(match.1)]?.contains(String(match.2)) == true, "\(match.0)")
        }
        for match in rules.matches(of: #/by \(([a-z_, ]+)\) \((apus_[a-z_]+)/#) {
            for label in match.1.split(separator: ", ") {
                #expect(labels[String(match.2)]?.contains(String(label)) == true, "\(match.0)")
            }
        }
        #expect(names(in: try text("alerts.test.yml")) == used, "a rule is not tried")
    }

    /// The table of the shipped rules in `docs/alerts.md`.
    @Test func `every shipped rule is there, or said not to be`() throws {
        let document = try String(contentsOf: Self.root.appending(path: "docs/alerts.md"), encoding: .utf8)
        let shipped = Set(document.matches(of: #/(?m)^\| `([A-Z]\w+)` \|/#).map { String($0.1) })
        #expect(shipped.count == 14)
        let rules = try text("alerts.yml")
        let there = Set(rules.matches(of: #/- alert: (\w+)/#).map { String($0.1) })
        let missing =
            rules.firstMatch(of: #/Not here[^:]*: ([\w, ]+)\./#)?.1.split(separator: ", ").map(String.init) ?? []
        #expect(there.isDisjoint(with: missing) && there.union(missing) == shipped)
    }

    @Test(
        .enabled(if: ExpositionTests.promtool != nil),
        arguments: [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]])
    func `Prometheus reads the rules, and they fire when they are to`(arguments: [String]) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: try #require(ExpositionTests.promtool))
        process.arguments = arguments
        process.currentDirectoryURL = Self.folder
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
    }
}
