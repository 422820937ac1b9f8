package import Foundation

/// An answer as it travels: JSON, with curves as lists of numbers, or packed for who reads that.
///
/// A packed curve is its averages alone, eight bytes a step in base64: the number as IEEE 754 has it, lowest byte first, and one that is no
/// number where nothing is known. It is a third as long as the lists, and nothing in it is taken apart digit by digit.
extension HistoryAnswer {
    /// What a value can be at most: whatever else a node tells is nothing that it has measured, and is as if it had told nothing.
    package static let mostValue = 0x1p80

    private struct PackedCurve: Codable {
        var group: String
        var series: String
        var average: Data
    }

    private struct Sent: Codable {
        var start: Int64
        var stepSeconds: Int64
        var curves: [Curve]
        /// Instead of ``curves``.
        var packed: [PackedCurve]?
    }

    /// The answer's bytes for who has sent a query; packed when it says that it reads that.
    package func sent(to query: HistoryQuery) throws -> Data {
        var sent = Sent(start: start, stepSeconds: stepSeconds, curves: curves, packed: nil)
        if query.readsPacked == true {
            sent.curves = []
            sent.packed = curves.map {
                PackedCurve(group: $0.group, series: $0.series, average: Self.packed($0.average))
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return try encoder.encode(sent)
    }

    /// Reads what another node has sent, in either form; a packed curve has no ``Curve/maximum``.
    ///
    /// Of what is packed there is no more than ``HistoryQuery/mostCurves`` of ``HistoryQuery/mostPoints``; of lists as much as was sent.
    /// - Throws: `DecodingError`.
    package init(sent bytes: Data) throws {
        let sent = try JSONDecoder().decode(Sent.self, from: bytes)
        let packed = sent.packed?.prefix(HistoryQuery.mostCurves).map {
            Curve(group: $0.group, series: $0.series, average: Self.unpacked($0.average), maximum: [])
        }
        self.init(start: sent.start, stepSeconds: sent.stepSeconds, curves: packed ?? sent.curves)
    }

    private static func packed(_ values: [Double?]) -> Data {
        values.map { ($0 ?? .nan).bitPattern.littleEndian }.withUnsafeBytes { Data($0) }
    }

    private static func unpacked(_ bytes: Data) -> [Double?] {
        bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> [Double?] in
            let count = min(bytes.count / MemoryLayout<UInt64>.size, HistoryQuery.mostPoints)
            return (0..<count).map { index -> Double? in
                let bits = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<UInt64>.size, as: UInt64.self)
                let value = Double(bitPattern: UInt64(littleEndian: bits))
                // False of what is no number.
                return abs(value) <= mostValue ? value : nil
            }
        }
    }
}
