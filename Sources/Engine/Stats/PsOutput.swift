import EngineInterface

/// What a client asks of `ps`, and what the program says. Pure. Source: moby, `daemon/top_unix.go`.
enum PsOutput {
    /// - Throws: ``ProcessListError`` for arguments that rename the column of process ids, by which rows are chosen.
    static func check(_ arguments: String) throws {
        // `-o name=TITLE`: a title PID for another column would let processes of others be shown.
        // One blank, not as many as there are: from each of them on, the rest would be looked through again.
        for match in arguments.matches(of: #/\s(\w*)=\s*(PID[^\s]*)/#) where match.1 != "pid" {
            throw ProcessListError.renamedColumn(column: "\(match.1)", name: "\(match.2)")
        }
    }

    /// - Throws: ``ProcessListError`` when there is no column of process ids.
    static func parse(_ text: String, pids: Set<Int32>) throws -> (titles: [String], processes: [[String]]) {
        let lines = text.split(separator: "\n")
        let titles = (lines.first ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
        guard let column = titles.firstIndex(of: "PID") else {
            throw ProcessListError.noProcessColumn
        }
        var rows: [[String]] = []
        for line in lines.dropFirst() {
            var fields = line.split(maxSplits: titles.count - 1, whereSeparator: \.isWhitespace).map(String.init)
            guard let pid = fields.dropFirst(column).first.flatMap({ Int32($0) }) else { continue }
            guard pids.contains(pid) else { continue }
            if let last = fields.popLast() {
                let bare = last.reversed().drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }
                fields.append(String(bare))
            }
            rows.append(fields)
        }
        return (titles, rows)
    }
}
