import GRPCCore
import Logs
import Model
import NodeProtocol
import TestKit
import Testing

@testable import Cluster

/// What is told of lines that a node sends again after its call has broken off.
struct LogIntakeTests {
    private static let source = LogDemand.Source(nodeID: "n", number: 0)
    private let merger = LogMerger<LogDemand.Source>(window: .seconds(1), timeout: nil)

    private func lines(_ text: String, at stamp: Int64) -> [Wire.LogLine] {
        text.map { letter in
            Wire.LogLine(
                LogEntry(
                    stream: .output, timestamp: Timestamp(seconds: stamp), bytes: Array("\(letter)".utf8), origin: "t"))
        }
    }

    private func intake(after known: LogIntake.Reach = .init(), beginsWithTail: Bool = false) -> LogIntake {
        LogIntake(
            requestID: "r", source: Self.source, listener: nil, merger: merger, details: LogDetailTable(), known: known,
            beginsWithTail: beginsWithTail, tasks: { ["t"] }, failures: { _ in })
    }

    /// What comes first, what comes after the break, and what is told of both.
    private func told(_ first: [Wire.LogLine], _ again: [Wire.LogLine], beginsWithTail: Bool = false) async throws
        -> String
    {
        merger.add(Self.source)
        let before = intake()
        try await before.take(.with { $0.lines = first })
        let after = intake(after: before.reached, beginsWithTail: beginsWithTail)
        try await after.take(.with { $0.lines = again })
        merger.end(Self.source)
        merger.close()
        var text = ""
        while let event = try await merger.next() {
            guard case .entries(_, let entries) = event else { continue }
            for entry in entries { text += String(decoding: entry.bytes, as: UTF8.self) }
        }
        return text
    }

    @Test func `what one read of a container's output has is of one stamp, and is told once`() async throws {
        let run = lines("abcaadef", at: 2)
        for count in 0...run.count {
            let cut = LogIntakeTests()
            let all = try await cut.told(
                lines("xy", at: 1) + run.prefix(count), (count == 0 ? lines("xy", at: 1) : []) + run + lines("z", at: 3)
            )
            #expect(all == "xyabcaadefz", "\(count) lines before the break")
        }
    }

    @Test func `the last lines of a run are the last ones still when it is read from its beginning`() async throws {
        let all = try await told(lines("ghij", at: 2), lines("abcdefghij", at: 2) + lines("k", at: 3))
        #expect(all == "ghijk")
    }

    @Test func `what is no longer among the last lines is not missed`() async throws {
        let all = try await told(lines("ab", at: 2), lines("bcdef", at: 2), beginsWithTail: true)
        #expect(all == "abcdef")
        let later = LogIntakeTests()
        #expect(try await later.told(lines("ab", at: 2), lines("cdefg", at: 2), beginsWithTail: true) == "abcdefg")
    }

    @Test func `nothing is taken of a node that has been given up, and what nobody asked for is refused`() async throws
    {
        let intake = intake()
        await #expect(throws: LogError.self) { try await intake.take(.with { $0.lines = lines("a", at: 1) }) }
        merger.add(Self.source)
        let foreign = Wire.LogLine(
            LogEntry(stream: .output, timestamp: Timestamp(seconds: 1), bytes: [], origin: "other"))
        await #expect(throws: RPCError.self) { try await intake.take(.with { $0.lines = [foreign] }) }
    }
}
