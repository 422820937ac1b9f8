/// How a series' numbers are to be read.
package enum SeriesKind: Sendable {
    /// Grows from the entity's start, and begins again at 0 with the next: shown as a rate a second.
    case counter
    /// Is as it is.
    case gauge
}

/// The fixed series of one kind of entity. Raw values are columns of stored blocks: new ones go to the end, none changes its place, and there are at
/// most 64.
package protocol Series: RawRepresentable, CaseIterable, Sendable where RawValue == Int {
    /// As queries name it, with the unit last; never changes.
    var name: String { get }
    /// Whether its numbers are counted up from the entity's start.
    var kind: SeriesKind { get }
}

/// What history is kept of.
package enum EntityKind: Int, Sendable, Codable, CaseIterable {
    /// By the container's id.
    case container = 0
    /// By `node`: this one.
    case node = 1

    struct Column: Sendable {
        let name: String
        let kind: SeriesKind
    }

    private static let containerColumns = ContainerSeries.allCases.map { Column(name: $0.name, kind: $0.kind) }
    private static let nodeColumns = NodeSeries.allCases.map { Column(name: $0.name, kind: $0.kind) }

    /// In the order of a block's columns.
    var columns: [Column] {
        switch self {
        case .container: Self.containerColumns
        case .node: Self.nodeColumns
        }
    }
}

/// One thing that history is kept of.
package struct Entity: Sendable, Hashable, Codable {
    package var kind: EntityKind
    package var name: String

    package init(_ kind: EntityKind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// This node.
    package static let node = Entity(.node, "node")
}

/// The values of one moment by series. What cannot be told is absent; nothing is negative.
package struct SampleRow: Sendable, Equatable {
    /// Stands for a value that there is none of.
    static let absent: Int64 = -1
    /// Largest value that is kept: differences of any two stay within 64 bits.
    static let most: Int64 = 1 << 62

    /// By column.
    private(set) var values: [Int64]

    init(columns: Int) { values = Array(repeating: Self.absent, count: columns) }

    init(values: [Int64]) { self.values = values }

    /// An empty row for the series of one kind of entity.
    package init<S: Series>(of _: S.Type) { self.init(columns: S.allCases.count) }

    /// Negative ones are kept as none, too large ones as the largest.
    package subscript(series: some Series) -> Int64? {
        get {
            let column = series.rawValue
            guard values.indices.contains(column), values[column] >= 0 else { return nil }
            return values[column]
        }
        set {
            let column = series.rawValue
            guard values.indices.contains(column) else { return }
            values[column] = newValue.map { $0 < 0 ? Self.absent : min($0, Self.most) } ?? Self.absent
        }
    }
}
