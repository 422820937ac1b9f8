/// Ports of one protocol in a row.
///
/// A container or a service that publishes thousands of them is kept, told of and led with few of these: what each of them costs is paid once. In the
/// Engine API there are single ports alone, so that rows are made where a request is read, and undone where an answer is written.
package struct PortRow: Hashable, Sendable {
    package var transport: TransportProtocol
    package var ports: ClosedRange<UInt16>

    /// Fewer are kept one by one: with one more, or one less, nothing else changes then.
    package static let least = 16

    package init(_ transport: TransportProtocol, _ ports: ClosedRange<UInt16>) {
        self.transport = transport
        self.ports = ports
    }

    /// As in `10000-19999/udp`; `nil` for what is no row, single ports among it.
    package init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/"),
            let transport = TransportProtocol(rawValue: String(text[slash...].dropFirst()))
        else { return nil }
        let ends = text[..<slash].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = UInt16(ends[0], radix: 10), let last = UInt16(ends[1], radix: 10), first > 0,
            first < last
        else {
            return nil
        }
        self.init(transport, first...last)
    }

    package var description: String { "\(ports.lowerBound)-\(ports.upperBound)/\(transport)" }

    /// Names of each: `10000/udp`.
    package var names: [String] { ports.map { "\($0)/\(transport)" } }

    /// Whether any port is in both.
    package func meets(_ other: PortRow) -> Bool { transport == other.transport && ports.overlaps(other.ports) }

    /// Indices of what stands in a row: neighbours, of which each follows the one before it.
    ///
    /// - Parameter follows: Whether what is at an index is the next after what is at the index before.
    package static func runs(_ count: Int, follows: (_ before: Int, _ index: Int) -> Bool) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        for index in 0..<max(count, 0) where index > 0 && !follows(index - 1, index) {
            runs.append(start..<index)
            start = index
        }
        if count > start { runs.append(start..<count) }
        return runs
    }
}
