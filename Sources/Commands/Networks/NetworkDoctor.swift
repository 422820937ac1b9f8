import DockerClient
package import Templates

extension Command {
    static let networkDoctor = Command(
        "network doctor", arity: .atLeast(0),
        help: """
            Usage:  apus network doctor [OPTIONS] [FROM [TO]]

            Show how the ways between the swarm's nodes are, and what to do about those that are ill

            Exits with 1 when something is wrong.

            Options:
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --path string     One kind alone: 'control', 'vxlan' or 'esp'
            """
    ) { call in
        let flags = call.flags
        guard call.arguments.count <= 2 else {
            throw ExitError(1, "\"apus network doctor\" takes at most two nodes: FROM and TO")
        }
        let kind = flags.text("path")
        if let kind, !PathTable.kinds.contains(kind) {
            throw ExitError(
                1, "invalid --path \(GoText.quoted(kind)): must be \"control\", \"vxlan\" or \"esp\"")
        }
        let table = try PathTable(
            try await call.client().json(.get("/swarm/paths")), from: call.arguments.first,
            to: call.arguments.dropFirst().first, kind: kind)
        Console.text(try table.text(format: flags.string("format")))
        if !table.isWell { throw ExitError(1) }
    }
}

/// An answer of `GET /swarm/paths` as a matrix and as rows.
package struct PathTable {
    static let kinds = ["control", "vxlan", "esp"]
    /// Nodes of a matrix; of more the ill ways alone are shown.
    private static let widest = 12

    private let nodes: [JSON]
    private let paths: [JSON]
    /// One of two nodes was asked for: what is wrong with others does not matter.
    private let isPart: Bool
    /// The one kind that was asked for.
    private let kind: String?

    /// - Parameters:
    ///   - from: A node's name, or its id or the beginning of it.
    ///   - kind: A word of ``kinds``; `nil` for all.
    package init(_ answer: JSON, from: String? = nil, to: String? = nil, kind: String? = nil) throws {
        let all = answer["Nodes"].elements
        func find(_ reference: String?) throws -> String? {
            guard let reference else { return nil }
            let found =
                all.first { $0["Name"].text == reference || $0["ID"].text == reference }
                ?? all.first { !reference.isEmpty && $0["ID"].text.hasPrefix(reference) }
            guard let found else { throw ExitError(1, "no such node: \(reference)") }
            return found["ID"].text
        }
        let (first, second) = (try find(from), try find(to))
        isPart = first != nil
        self.kind = kind
        nodes = all.filter { node in
            first == nil || node["ID"].text == first || second == nil || node["ID"].text == second
        }
        paths = answer["Paths"].elements.filter { path in
            (first == nil || path["From"].text == first) && (second == nil || path["To"].text == second)
                && (kind == nil || path["Kind"].text == kind)
        }
    }

    private var illNodes: [JSON] { isPart ? [] : nodes.filter { !$0["Findings"].elements.isEmpty } }
    private var illPaths: [JSON] { paths.filter { !$0["Findings"].elements.isEmpty } }
    /// Whether several nodes are there, and nothing of them was measured.
    private var isUnmeasured: Bool { paths.isEmpty && nodes.count > 1 && kind == nil }

    /// Whether nothing is wrong with what is shown, and something was measured where there is something to measure.
    package var isWell: Bool { illNodes.isEmpty && illPaths.isEmpty && !isUnmeasured }

    /// - Parameter format: As `--format` has it; `nil` for a matrix with what to do.
    package func text(format: String?) throws -> String {
        if let format { return try Self.listing.render(rows, format: format) }
        var parts: [String] = []
        if nodes.count < 2 {
            parts.append("The swarm has a single node: there are no ways to measure.\n")
        } else if paths.isEmpty, let kind {
            parts.append("No way is measured for \(kind).\n")
        } else if isUnmeasured {
            parts.append("Nothing has been measured yet: nodes begin some seconds after they have joined.\n")
        } else if nodes.count <= Self.widest, !isPart {
            parts += Self.kinds.filter { kind in paths.contains { $0["Kind"].text == kind } }.map(matrix)
        } else {
            parts.append(try Self.listing.render(isPart ? rows : rows.filter(Self.isIll), format: nil))
        }
        let advice =
            illNodes.map { node in
                "\(node["Name"].text): \(Self.words(node))\n    \(node["Advice"].text)\n"
            }
            + illPaths.map { path in
                "\(name(path["From"].text)) -> \(name(path["To"].text)), \(path["Kind"].text): \(Self.words(path))\n    \(path["Advice"].text)\n"
            }
        parts.append(
            advice.isEmpty
                ? isWell ? "All is well.\n" : ""
                : "What to do:\n\n" + advice.prefix(Self.mostAdvice).joined()
                    + (advice.count > Self.mostAdvice
                        ? "… and \(advice.count - Self.mostAdvice) more (--format json)\n" : ""))
        return parts.joined(separator: "\n")
    }

    private static let mostAdvice = 50

    private func name(_ id: String) -> String { nodes.first { $0["ID"].text == id }?["Name"].text ?? id }

    private static func words(_ object: JSON) -> String {
        object["Findings"].elements.map(\.text).joined(separator: ", ")
    }

    private static func isIll(_ row: Row) -> Bool { row.fields["Findings"]?.text.isEmpty == false }

    private func matrix(_ kind: String) -> String {
        var cells: [String: JSON] = [:]
        for path in paths where path["Kind"].text == kind { cells["\(path["From"].text) \(path["To"].text)"] = path }
        var text = ([kind.uppercased()] + nodes.map { $0["Name"].text }).joined(separator: "\t") + "\n"
        for from in nodes {
            let row = nodes.map { to -> String in
                guard from["ID"] != to["ID"] else { return "-" }
                return cells["\(from["ID"].text) \(to["ID"].text)"].map(Self.cell) ?? "."
            }
            text += ([from["Name"].text] + row).joined(separator: "\t") + "\n"
        }
        return TabWriter().layout(text)
    }

    private static func cell(_ path: JSON) -> String {
        let findings = path["Findings"].elements.map(\.text)
        var words = [roundTrip(path)]
        if findings.contains("lossy") { words.append(loss(path) + " lost") }
        if findings.contains("narrow") { words.append("MTU \(bytes(path["PathMTU"]))") }
        if findings.contains("checksums") { words.append("checksums") }
        return (findings.isEmpty ? "" : "x ") + words.joined(separator: " ")
    }

    private static func bytes(_ value: JSON) -> String { value.integer.map { "\($0)" } ?? "" }

    private static func roundTrip(_ path: JSON) -> String {
        guard let seconds = path["RoundTripSeconds"].double else { return "no answer" }
        let tenths = Int64(exactly: (min(max(seconds, 0), 1e6) * 1e4).rounded()) ?? 0
        return "\(tenths / 10).\(tenths % 10) ms"
    }

    private static func loss(_ path: JSON) -> String {
        let share = min(max(path["Loss"].double ?? 0, 0), 1)
        return "\(Int64(exactly: (share * 100).rounded()) ?? 0) %"
    }

    private static let listing = Listing(
        table:
            "table {{.From}}\t{{.To}}\t{{.Path}}\t{{.RoundTrip}}\t{{.Loss}}\t{{.MTU}}\t{{.Findings}}",
        headers: [
            "From": "FROM", "To": "TO", "Path": "PATH", "RoundTrip": "ROUND TRIP", "Loss": "LOSS", "MTU": "MTU",
            "LinkMTU": "LINK MTU", "Findings": "FINDINGS", "Advice": "WHAT TO DO", "MeasuredAt": "MEASURED",
        ])

    /// Ways, and before them nodes with which something is wrong.
    private var rows: [Row] {
        illNodes.map { node in
            Row([
                "From": node["Name"], "To": .string(""), "Path": .string("node"), "RoundTrip": .string(""),
                "Loss": .string(""), "MTU": .string(""), "LinkMTU": .string(""),
                "Findings": .string(Self.words(node)), "Advice": .string(node["Advice"].text),
                "MeasuredAt": .string(""),
            ])
        }
            + paths.map { path in
                Row([
                    "From": .string(name(path["From"].text)), "To": .string(name(path["To"].text)),
                    "Path": path["Kind"], "RoundTrip": .string(Self.roundTrip(path)),
                    "Loss": .string(Self.loss(path)), "MTU": .string(Self.bytes(path["PathMTU"])),
                    "LinkMTU": .string(Self.bytes(path["LinkMTU"])), "Findings": .string(Self.words(path)),
                    "Advice": .string(path["Advice"].text), "MeasuredAt": path["MeasuredAt"],
                ])
            }
    }
}
