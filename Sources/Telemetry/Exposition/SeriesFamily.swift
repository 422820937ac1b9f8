/// A family whose samples are values of rows as they are kept: a line of a page's table.
struct SeriesFamily<S: Series>: Sendable {
    /// What a kept value is divided by: seconds are kept in microseconds, cores in thousandths.
    enum Scale { case whole, microseconds, thousandths }

    let name: String
    var unit = ""
    let help: String
    /// What tells several series of one family apart; nothing for a single one.
    let parts: [(series: S, labels: [(String, String)])]
    var scale = Scale.whole

    /// Writes the family, and a sample for each row and series that has a value.
    func write(
        _ rows: some Sequence<(row: SampleRow, labels: ExpositionWriter.Labels)>, to page: inout ExpositionWriter
    ) {
        page.family(name, parts.first?.series.kind == .gauge ? .gauge : .counter, unit: unit, help)
        for (row, labels) in rows {
            for (series, own) in parts {
                guard let value = row[series] else { continue }
                let labels = own.reduce(labels) { $0.adding($1.0, $1.1) }
                switch scale {
                case .whole: page.sample(labels, value)
                case .microseconds: page.sample(labels, microseconds: value)
                case .thousandths: page.sample(labels, thousandths: value)
                }
            }
        }
    }
}

extension SeriesFamily {
    /// A family of one series.
    init(_ name: String, unit: String = "", _ help: String, _ series: S, scale: Scale = .whole) {
        self.init(name: name, unit: unit, help: help, parts: [(series, [])], scale: scale)
    }

    /// A family of several series.
    init(
        _ name: String, unit: String = "", _ help: String, scale: Scale = .whole,
        parts: [(series: S, labels: [(String, String)])]
    ) { self.init(name: name, unit: unit, help: help, parts: parts, scale: scale) }

    /// Time for which processes waited (`Documentation/accounting/psi.rst` of the kernel).
    static func pressure(_ name: String, _ series: [(S, resource: String, kind: String)]) -> SeriesFamily {
        SeriesFamily(
            name, unit: "seconds", "Time for which some or all processes waited for a resource.",
            scale: .microseconds, parts: series.map { ($0.0, [("resource", $0.resource), ("kind", $0.kind)]) })
    }
}
