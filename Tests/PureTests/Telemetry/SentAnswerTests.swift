import Foundation
import TestKit
import Testing

@testable import Telemetry

/// How an answer travels from the node that has the history to whoever has asked.
@Suite struct SentAnswerTests {
    private static func query(readsPacked: Bool?) -> HistoryQuery {
        var query = HistoryQuery(groups: [], series: [], from: 0, to: 10, points: 1)
        query.readsPacked = readsPacked
        return query
    }

    private static func answer(_ curves: Int, _ points: Int, _ random: inout SeededGenerator) -> HistoryAnswer {
        HistoryAnswer(
            start: 1_700_006_400, stepSeconds: 60,
            curves: (0..<curves).map { number in
                let values = (0..<points).map { _ -> Double? in
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0: nil
                    case 1: 0
                    case 2: Double(SampleRow.most)
                    default: Double.random(in: 0...1e6, using: &random)
                    }
                }
                return HistoryAnswer.Curve(
                    group: "g/\(number) \"ü\"", series: "cpu_microseconds", average: values, maximum: values)
            })
    }

    @Test(arguments: Array(UInt64(1)...20))
    func `averages arrive as they were, packed or not`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let answer = Self.answer(
            Int.random(in: 0...12, using: &random), Int.random(in: 0...600, using: &random), &random)
        #expect(try HistoryAnswer(sent: answer.sent(to: Self.query(readsPacked: nil))) == answer)
        #expect(try HistoryAnswer(sent: answer.sent(to: Self.query(readsPacked: false))) == answer)
        let packed = try HistoryAnswer(sent: answer.sent(to: Self.query(readsPacked: true)))
        #expect(packed.start == answer.start && packed.stepSeconds == answer.stepSeconds)
        #expect(packed.curves.map(\.group) == answer.curves.map(\.group))
        #expect(packed.curves.map(\.series) == answer.curves.map(\.series))
        #expect(packed.curves.map(\.average) == answer.curves.map(\.average))
        #expect(packed.curves.allSatisfy { $0.maximum.isEmpty })
    }

    @Test func `earlier versions ask and are answered as before`() throws {
        var random = SeededGenerator(seed: 1)
        let answer = Self.answer(2, 3, &random)
        let sent = try answer.sent(to: Self.query(readsPacked: nil))
        #expect(try JSONDecoder().decode(HistoryAnswer.self, from: sent) == answer)
        #expect(try HistoryAnswer(sent: JSONEncoder().encode(answer)) == answer)
        let asked = Data(#"{"groups":[],"series":[],"from":0,"to":10,"points":1,"combination":"sum"}"#.utf8)
        #expect(try JSONDecoder().decode(HistoryQuery.self, from: asked) == Self.query(readsPacked: nil))
    }

    @Test func `as many lines as a chart has fit in one answer`() throws {
        var random = SeededGenerator(seed: 2)
        let answer = Self.answer(64, 360, &random)
        #expect(try answer.sent(to: Self.query(readsPacked: true)).count <= 256 << 10)
    }

    @Test func `what a node packs cannot hurt`() throws {
        func answer(_ average: Data) throws -> HistoryAnswer {
            let curve = #"{"group":"g","series":"s","average":"\#(average.base64EncodedString())"}"#
            return try HistoryAnswer(
                sent: Data(#"{"start":0,"stepSeconds":10,"curves":[],"packed":[\#(curve)]}"#.utf8))
        }
        func bytes(_ values: [Double]) -> Data {
            values.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
        }
        let lies: [Double] = [1, .nan, .infinity, -.infinity, 1.7e308, -1.7e308, .signalingNaN, 2]
        #expect(try answer(bytes(lies)).curves.map(\.average) == [[1, nil, nil, nil, nil, nil, nil, 2]])
        // Bytes that make no whole number, and more numbers than there may be.
        #expect(try answer(bytes([1, 2]).dropLast(3)).curves.map(\.average) == [[1]])
        #expect(try answer(Data()).curves.map(\.average) == [[]])
        #expect(try answer(Data(count: 80_000)).curves.map(\.average.count) == [HistoryQuery.mostPoints])
        let none = ["", "no", "[]", #"{"start":0,"stepSeconds":10}"#, #"{"start":1e99,"stepSeconds":10,"curves":[]}"#]
        for text in none {
            #expect(throws: (any Error).self) { try HistoryAnswer(sent: Data(text.utf8)) }
        }
        var random = SeededGenerator(seed: 3)
        let whole = Array(try Self.answer(3, 20, &random).sent(to: Self.query(readsPacked: true)))
        for _ in 0..<2000 {
            // What can be read has its bounds; most of it cannot be.
            guard let read = try? HistoryAnswer(sent: Data(random.mutated(whole))) else { continue }
            #expect(read.curves.allSatisfy { $0.average.count <= HistoryQuery.mostPoints })
            #expect(read.curves.allSatisfy { $0.average.allSatisfy { abs($0 ?? 0) <= HistoryAnswer.mostValue } })
        }
    }
}
