/// Lays out lines whose cells end in tabs so that the cells of neighbouring lines stand below one another.
package struct TabWriter {
    let leastWidth: Int
    let padding: Int

    package init(leastWidth: Int = 10, padding: Int = 3) {
        self.leastWidth = leastWidth
        self.padding = padding
    }

    /// The text after a line's last tab belongs to no column and is not padded.
    package func layout(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        var widths = lines.map { [Int](repeating: 0, count: $0.count) }
        let deepest = lines.map(\.count).max() ?? 0
        for column in 0..<max(0, deepest - 1) {
            var start = 0
            while start < lines.count {
                guard lines[start].count - 1 > column else {
                    start += 1
                    continue
                }
                // A column is a run of lines that all have the cell.
                var end = start
                var width = leastWidth
                while end < lines.count, lines[end].count - 1 > column {
                    width = max(width, lines[end][column].unicodeScalars.count + padding)
                    end += 1
                }
                for line in start..<end { widths[line][column] = width }
                start = end
            }
        }
        return lines.enumerated().map { number, cells in
            cells.enumerated().map { column, cell in
                guard column < cells.count - 1 else { return cell }
                let missing = widths[number][column] - cell.unicodeScalars.count
                return cell + String(repeating: " ", count: max(0, missing))
            }.joined()
        }.joined(separator: "\n")
    }
}
