import Model
import TestKit
import Testing

@testable import Logs

/// What the merge promises, for random logs that come in random pieces.
struct LogMergeTests {
    private typealias Merge = LogMerge<Int>
    private let start = ContinuousClock.now

    private func entry(_ stamp: Int, _ text: String, _ origin: Int) -> LogEntry {
        LogEntry(
            stream: .output, timestamp: Timestamp(seconds: Int64(stamp)), bytes: Array(text.utf8), origin: "\(origin)")
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func `F1: whatever comes when, all lines come once, in order, each source's own order kept`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let logs = (0..<Int.random(in: 1...12, using: &random)).map { source in
            var stamp = Int.random(in: 0...20, using: &random)
            return (0..<Int.random(in: 0...200, using: &random)).map { line in
                stamp += Int.random(in: 0...3, using: &random)
                return entry(stamp, "\(source).\(line)", source)
            }
        }
        var merge = Merge(window: .seconds(1), timeout: nil)
        for source in logs.indices { merge.add(source, at: start) }
        var rest = logs.map { $0[...] }
        var open = Set(logs.indices)
        var told: [LogEntry] = []
        var now = start
        var marks = 0
        while true {
            now += .milliseconds(10)
            switch merge.next(at: now) {
            case .entries(let source, let entries):
                #expect(!entries.isEmpty && entries.allSatisfy { $0.origin == "\(source)" }, "seed \(seed)")
                told += entries
                continue
            case .caughtUp:
                marks += 1
                continue
            case .lost(let source), .quiet(let source): Issue.record("source \(source) is lost, seed \(seed)")
            case .wait: break
            case .exhausted:
                // The same lines in one order, whatever the pieces were.
                let wanted = logs.flatMap { $0 }.enumerated().sorted {
                    ($0.element.timestamp, $0.offset) < ($1.element.timestamp, $1.offset)
                }
                #expect(told == wanted.map(\.element), "seed \(seed)")
                #expect(marks == 1)
                return
            }
            guard let source = open.sorted().randomElement(using: &random) else {
                Issue.record("it waits for nobody, seed \(seed)")
                return
            }
            let piece = rest[source].prefix(Int.random(in: 0...30, using: &random))
            rest[source] = rest[source].dropFirst(piece.count)
            merge.take(source, LogPart(Array(piece)), at: now)
            if rest[source].isEmpty {
                merge.end(source)
                open.remove(source)
            }
        }
    }

    @Test func `a live source is waited for until it says that it is complete, and no longer than the window`() {
        var merge = Merge(window: .seconds(1), timeout: nil)
        for source in 0...1 {
            merge.add(source, at: start)
            merge.take(source, LogPart(completeUntil: Timestamp(seconds: 10), isCaughtUp: true), at: start)
        }
        #expect(said(merge.next(at: start)) == "caught up")
        merge.take(0, LogPart([entry(11, "a", 0)]), at: start)
        #expect(said(merge.next(at: start)) == "wait 1.0")
        merge.take(1, LogPart(completeUntil: Timestamp(seconds: 12)), at: start + .milliseconds(100))
        #expect(said(merge.next(at: start + .milliseconds(100))) == "a")
        #expect(said(merge.next(at: start + .milliseconds(100))) == "wait")
        merge.take(0, LogPart([entry(13, "b", 0)]), at: start + .seconds(2))
        #expect(said(merge.next(at: start + .seconds(2))) == "wait 3.0")
        #expect(said(merge.next(at: start + .seconds(3))) == "b")
        // It is late, but not lost.
        merge.take(1, LogPart([entry(11, "late", 1)]), at: start + .seconds(3))
        #expect(said(merge.next(at: start + .seconds(3))) == "wait 4.0")
        #expect(said(merge.next(at: start + .seconds(4))) == "late")
    }

    @Test func `a source that owes lines of before is waited for, until it is silent for too long`() {
        var merge = Merge(window: .seconds(1), timeout: .seconds(5))
        merge.add(0, at: start)
        merge.add(1, at: start)
        merge.take(0, LogPart([entry(1, "a", 0)], isCaughtUp: true), at: start)
        #expect(said(merge.next(at: start + .seconds(4))) == "wait 5.001")
        merge.take(1, LogPart(), at: start + .seconds(4))
        #expect(said(merge.next(at: start + .seconds(8))) == "wait 9.001")
        #expect(said(merge.next(at: start + .seconds(10))) == "lost 1")
        #expect(said(merge.next(at: start + .seconds(10))) == "a")
        #expect(said(merge.next(at: start + .seconds(10))) == "caught up")
        merge.take(0, LogPart([entry(3, "b", 0)]), at: start + .seconds(10))
        merge.end(0, isLost: true)
        // What it has told comes first.
        #expect(said(merge.next(at: start + .seconds(10))) == "b")
        #expect(said(merge.next(at: start + .seconds(10))) == "lost 0")
        #expect(said(merge.next(at: start + .seconds(10))) == "exhausted")
    }

    @Test func `silence is told once, and who is away is given up earlier`() {
        var merge = Merge(window: .seconds(1), timeout: .seconds(15), awayTimeout: .seconds(5), quiet: .seconds(2))
        merge.add(0, at: start)
        #expect(said(merge.next(at: start)) == "wait 2.001")
        #expect(said(merge.next(at: start + .seconds(3))) == "quiet 0")
        #expect(said(merge.next(at: start + .seconds(14))) == "wait 15.001")
        merge.take(0, LogPart(), at: start + .seconds(14))
        #expect(said(merge.next(at: start + .seconds(14))) == "wait 16.001")
        #expect(said(merge.next(at: start + .seconds(17))) == "quiet 0")
        merge.setAway(0, true, at: start + .seconds(20))
        merge.setAway(0, true, at: start + .seconds(23))
        #expect(said(merge.next(at: start + .seconds(24))) == "wait 25.001")
        // It comes again, is silent again, and leaves for good.
        merge.setAway(0, false, at: start + .seconds(24))
        #expect(said(merge.next(at: start + .seconds(27))) == "quiet 0")
        #expect(said(merge.next(at: start + .seconds(38))) == "wait 39.001")
        merge.setAway(0, true, at: start + .seconds(38))
        #expect(said(merge.next(at: start + .seconds(44))) == "lost 0")
    }

    @Test func `how long somebody is away does not begin anew with what waits here`() {
        var merge = Merge(window: .seconds(1), timeout: .seconds(15), awayTimeout: .seconds(5), quiet: .seconds(2))
        merge.add(0, at: start)
        merge.take(0, LogPart([entry(1, "a", 0)]), at: start)
        merge.setAway(0, true, at: start + .seconds(1))
        // Nobody has read for long: what it has told comes before its end.
        #expect(said(merge.next(at: start + .seconds(9))) == "a")
        // More of it may be on its way here.
        #expect(said(merge.next(at: start + .seconds(9))) == "wait 10.001")
        merge.take(0, LogPart([entry(2, "b", 0)]), at: start + .seconds(9))
        merge.setAway(0, true, at: start + .seconds(9))
        #expect(said(merge.next(at: start + .seconds(15))) == "b")
        #expect(said(merge.next(at: start + .seconds(17))) == "lost 0")
        // One whose turn it is not has time, however silent it is, and one that has ended needs none.
        merge.add(1, at: start + .seconds(10))
        merge.take(1, LogPart([entry(1, "b", 1)]), at: start + .seconds(10))
        merge.add(2, at: start + .seconds(10))
        merge.take(2, LogPart([entry(2, "c", 2)]), at: start + .seconds(10))
        merge.end(2)
        #expect(said(merge.next(at: start + .seconds(30))) == "b")
        #expect(said(merge.next(at: start + .seconds(30))) == "wait 32.001")
    }

    @Test func `one that comes and goes without a word is given up all the same`() {
        var merge = Merge(window: .seconds(1), timeout: .seconds(15), awayTimeout: .seconds(5))
        merge.add(0, at: start)
        var now = start
        for _ in 0..<100 {
            now += .seconds(3)
            merge.setAway(0, true, at: now)
            if said(merge.next(at: now)) == "lost 0" { break }
            now += .seconds(3)
            merge.setAway(0, false, at: now)
        }
        #expect(now < start + .seconds(90))
    }

    @Test func `what an ended source has told is not lost by what comes too late`() async throws {
        let merger = LogMerger<Int>(window: .seconds(1), timeout: .seconds(5))
        merger.add(0)
        try await merger.put(0, LogPart([entry(1, "a", 0)]))
        merger.end(0, isLost: true)
        merger.close()
        await #expect(throws: LogError.self) { try await merger.put(0, LogPart([entry(2, "b", 0)])) }
        var events: [String] = []
        while let event = try await merger.next() {
            switch event {
            case .entries(_, let entries): events += entries.map { String(decoding: $0.bytes, as: UTF8.self) }
            case .lost: events.append("lost")
            case .caughtUp, .quiet, .idle: break
            }
        }
        #expect(events == ["a", "lost"])
    }

    @Test func `what is complete is told by the slowest`() {
        var merge = Merge(window: .seconds(1), timeout: nil)
        merge.add(0, at: start)
        merge.add(1, at: start)
        merge.take(0, LogPart(completeUntil: Timestamp(seconds: 10)), at: start)
        #expect(merge.completeUntil == nil)
        merge.take(1, LogPart([entry(7, "a", 1)], completeUntil: Timestamp(seconds: 12)), at: start)
        #expect(merge.completeUntil == Timestamp(seconds: 7))
        merge.end(0)
        #expect(said(merge.next(at: start)) == "a")
        #expect(merge.completeUntil == Timestamp(seconds: 12))
    }

    @Test(.timeLimit(.minutes(1))) func `a source waits while nobody reads, and loses nothing`() async throws {
        let merger = LogMerger<Int>(window: .seconds(1), timeout: nil)
        merger.add(0)
        merger.close()
        let text = String(repeating: "x", count: 4096)
        let entries = (0..<1000).map { entry($0, text, 0) }
        let put = Kept(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for entry in entries {
                    try await merger.put(0, LogPart([entry]))
                    put.withLock { $0 += 1 }
                }
                merger.end(0)
            }
            try await eventually("there is no more room") { put.withLock { $0 } > 60 }
            var read: [LogEntry] = []
            while let event = try await merger.next() {
                if case .entries(_, let entries) = event { read += entries }
                // A quarter of a mebibyte waits here, and the one that is being put.
                #expect(put.withLock { $0 } - read.count < 70)
            }
            #expect(read == entries)
            #expect(merger.openCount == 0)
            try await group.waitForAll()
        }
        await #expect(throws: LogError.self) { try await merger.put(0, LogPart()) }
    }

    private func said(_ step: Merge.Step) -> String {
        switch step {
        case .entries(_, let entries): entries.map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
        case .caughtUp: "caught up"
        case .lost(let source): "lost \(source)"
        case .quiet(let source): "quiet \(source)"
        case .wait(let until): "wait" + (until.map { " \(($0 - start) / .seconds(1))" } ?? "")
        case .exhausted: "exhausted"
        }
    }
}
