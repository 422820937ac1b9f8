import DockerClient
package import Templates

/// A list of rows, shown as `--format` asks.
package struct Listing: Sendable {
    /// The format without `--format`: `table {{.ID}}\t…`.
    let table: String
    /// The column that `--quiet` leaves.
    let quiet: String
    /// What stands above the columns.
    let headers: [String: String]
    /// A plain template wins over `--quiet`, except for containers.
    let quietWins: Bool
    /// The lines of `--format raw`, as in `name: {{.Name}}`; none where that is a text like any other.
    let raw: [String]
    /// Docker's name of a row's type, for messages.
    let typeName: String?

    package init(
        table: String, quiet: String = "{{.ID}}", headers: [String: String], quietWins: Bool = false,
        raw: [String] = [], typeName: String? = nil
    ) {
        self.table = table
        self.quiet = quiet
        self.headers = headers
        self.quietWins = quietWins
        self.raw = raw
        self.typeName = typeName
    }

    /// The whole text; a line a row.
    package func render(_ rows: [Row], format: String?, isQuiet: Bool = false) throws -> String {
        let format = format ?? "table"
        let isPlainTable = format.isEmpty || format == "table"
        var source = format
        if format == "raw", !raw.isEmpty {
            // Each row is followed by an empty line, unless it is one line itself.
            source = isQuiet ? raw.first { $0.hasSuffix(" " + quiet) } ?? quiet : raw.map { $0 + "\n" }.joined()
        } else if isQuiet, isPlainTable || quietWins {
            source = quiet
        } else if isPlainTable {
            source = table
        } else if format == "json" {
            source = "{{json .}}"
        }
        var rows = rows
        for index in rows.indices { rows[index].typeName = typeName }
        do {
            return try Self.render(rows, source: source, headers: headers)
        } catch let error as TemplateError {
            // Containers have words of their own with docker, too.
            throw ExitError(1, "\(quietWins ? "failed to execute template" : "template parsing error"): \(error)")
        }
    }

    func show(_ rows: [Row], format: String?, isQuiet: Bool = false) throws {
        Console.text(try render(rows, format: format, isQuiet: isQuiet))
    }

    static func render(_ rows: [Row], source: String, headers: [String: String]) throws -> String {
        let isTable = source.hasPrefix("table ") || source.hasPrefix("table{")
        var body = isTable ? String(source.dropFirst("table".count)) : source
        body = body.replacing("\\t", with: "\t").replacing("\\n", with: "\n")
        if isTable { body = String(body.trimmingPrefix { $0 == " " }) }
        let template = try parsed(body)
        var text = ""
        for row in rows { text += try template.render(.row(row)) + "\n" }
        guard isTable else { return text }
        let header = Row(headers.mapValues { .string($0) }, methods: ["Label": labelHeader])
        return TabWriter().layout(try template.render(.row(header), forHeader: true) + "\n" + text)
    }

    /// The last part of a label's name.
    private static let labelHeader: Row.Method = { name in
        let last = name.split(separator: ".").last.map(String.init) ?? name
        return last.replacing("-", with: " ").replacing("_", with: " ")
    }

    static func parsed(_ source: String) throws -> Template {
        do { return try Template(source) } catch { throw ExitError(1, "failed to parse template: \(error)") }
    }
}

/// Labels as lists show them.
enum LabelText {
    static func joined(_ labels: JSON) -> String {
        // Sorted with their values: `a.b=` comes before `a=`.
        labels.members.map { "\($0.name)=\($0.value.text)" }.sorted().joined(separator: ",")
    }

    static func method(_ labels: JSON) -> Row.Method { { labels[$0].text } }
}
