import Concurrency
import Glibc
import LinuxSystem
import Logging
import Logs
import Model
import Synchronization
import TestKit
import Testing

@testable import LogDrivers

/// A whole shipper with files as conmon writes them, and receivers that do what receivers do.
@Suite(.timeLimit(.minutes(2)), .serialized) struct ShippingTests {
    @Test func `syslog over TCP: all lines come, in order, and the position follows`() async throws {
        let receiver = LogReceiver()
        let port = try await receiver.listen()
        try await withShipper { bench in
            let log = try bench.container(
                "a", "syslog", ["syslog-address": "tcp://127.0.0.1:\(port)", "syslog-format": "rfc5424"])
            try bench.write(log, 0..<5000)
            bench.shipper.begin(log, isRunning: true)
            try await eventually(within: .seconds(10), "what was shipped is told, or has arrived") {
                Self.numbers(receiver) == Array(0..<5000)
            }
            try bench.write(log, 5000..<5100)
            try await eventually(within: .seconds(10), "what was shipped is told, or has arrived") {
                Self.numbers(receiver) == Array(0..<5100)
            }
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                try bench.keeper.position("a")?.place?.offset == bench.size(log)
            }
            let totals = try #require(await bench.shipper.destinations().first)
            #expect(totals.driver == "syslog" && totals.state == "ok" && totals.containers == 1)
            #expect(totals.totals.lines == 5100 && totals.totals.bytes > 5100 * 20)
            #expect(totals.totals.retries == 0 && totals.totals.losses == 0)
        }
        try await receiver.stop()
    }

    @Test func `a receiver that is down at first gets everything once it is there, and start waited for nothing`()
        async throws
    {
        let receiver = LogReceiver()
        let port = try await receiver.listen()
        try await receiver.stop()
        try await withShipper { bench in
            let log = try bench.container("a", "syslog", ["syslog-address": "tcp://127.0.0.1:\(port)"])
            try bench.write(log, 0..<300)
            let clock = ContinuousClock()
            #expect(clock.measure { bench.shipper.begin(log, isRunning: true) } < .seconds(1))
            try await eventually(within: .seconds(10), "what was shipped is told, or has arrived") {
                bench.news.contains { if case .down = $0 { true } else { false } }
            }
            #expect(await bench.shipper.status(of: log.origin.id)?.state == "down")
            let down = await bench.shipper.destinations()
            #expect(down.map(\.state) == ["down"] && (down.first?.totals.retries ?? 0) >= 2)
            try await receiver.listen(port: port)
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                Self.numbers(receiver) == Array(0..<300)
            }
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                bench.news.contains { if case .up = $0 { true } else { false } }
            }
            #expect(await bench.shipper.status(of: log.origin.id)?.state == "ok")
        }
        try await receiver.stop()
    }

    /// Where it ends the connection before, a reset is no news: it has to be asked for.
    @Test(arguments: [LogReceiver.Manner.resetsAfter(20_000), .endsAfter(20_000)])
    func `a receiver that resets connections loses nothing`(manner: LogReceiver.Manner) async throws {
        let receiver = LogReceiver()
        receiver.behave(manner)
        let port = try await receiver.listen()
        try await withShipper { bench in
            let log = try bench.container("a", "syslog", ["syslog-address": "tcp://127.0.0.1:\(port)"])
            bench.shipper.begin(log, isRunning: true)
            for round in 0..<20 {
                try bench.write(log, round * 100..<(round + 1) * 100)
                try await Task.sleep(for: .milliseconds(20))
            }
            try await eventually(within: .seconds(30), "one was reset, and another made") { receiver.connections > 1 }
            receiver.behave(.reads)
            try await eventually(within: .seconds(30), "what was shipped is told, or has arrived") {
                Set(Self.numbers(receiver)) == Set(0..<2000)
            }
        }
        try await receiver.stop()
    }

    @Test func `a black hole stops nobody, and gets everything when it opens`() async throws {
        let receiver = LogReceiver()
        receiver.behave(.blackHole)
        let port = try await receiver.listen()
        try await withShipper { bench in
            let log = try bench.container("a", "syslog", ["syslog-address": "tcp://127.0.0.1:\(port)"])
            // More than kernels take for it.
            try bench.write(log, 0..<60_000, word: String(repeating: "x", count: 200))
            bench.shipper.begin(log, isRunning: true)
            try await Task.sleep(for: .seconds(2))
            receiver.behave(.reads)
            // Looked at once: it is much.
            try await eventually(within: .seconds(60), "what was shipped is told, or has arrived") {
                receiver.received.reduce(0) { $0 + $1.count { $0 == 10 } } >= 60_000
            }
            #expect(Set(Self.numbers(receiver)).count == 60_000)
        }
        try await receiver.stop()
    }

    @Test func `after a kill it goes on from the stored position: nothing lost, little twice`() async throws {
        let receiver = LogReceiver()
        let port = try await receiver.listen()
        let keeper = PositionMemory()
        let directory = try ShippingDirectory()
        let options = ["syslog-address": "tcp://127.0.0.1:\(port)"]
        try await withShipper(directory, keeper) { bench in
            let log = try bench.container("a", "syslog", options)
            try bench.write(log, 0..<1000)
            bench.shipper.begin(log, isRunning: true)
            try await eventually(within: .seconds(10), "what was shipped is told, or has arrived") {
                Self.numbers(receiver).count == 1000
            }
            // Of all of it: an earlier one may have been stored before.
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                try keeper.position("a")?.place?.offset == bench.size(log)
            }
            // As if it had been killed: what it knows later is not stored.
            keeper.freeze()
            try bench.write(log, 1000..<1200)
            try await eventually(within: .seconds(10), "what was shipped is told, or has arrived") {
                Self.numbers(receiver).count == 1200
            }
        }
        keeper.thaw()
        try await withShipper(directory, keeper) { bench in
            let log = try bench.container("a", "syslog", options)
            try bench.write(log, 1200..<1300)
            bench.shipper.begin(log, isRunning: false)
            try await eventually(within: .seconds(10), "what was shipped is told, or has arrived") {
                Set(Self.numbers(receiver)) == Set(0..<1300)
            }
            #expect(Self.numbers(receiver).count <= 1500)
        }
        try await receiver.stop()
    }

    @Test func `what a removed container leaves is sent, also by the next instance of the daemon, and then gone`()
        async throws
    {
        let receiver = LogReceiver()
        let port = try await receiver.listen()
        try await receiver.stop()
        let keeper = PositionMemory()
        let directory = try ShippingDirectory()
        let id = String(repeating: "a", count: 64)
        try await withShipper(directory, keeper) { bench in
            let log = try bench.container("a", "syslog", ["syslog-address": "tcp://127.0.0.1:\(port)"])
            try bench.write(log, 0..<100)
            bench.shipper.begin(log, isRunning: true)
            bench.shipper.end(id)
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                await bench.shipper.status(of: id) != nil
            }
            let took = await ContinuousClock().measure { await bench.shipper.release(id) }
            // It waits for no receiver; this one comes later.
            #expect(took < .seconds(10))
            #expect(!Files.exists(log.path))
            #expect(Files.exists(directory.path + "/spool/\(id)/log"))
        }
        try await receiver.listen(port: port)
        try await withShipper(directory, keeper) { next in
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                Self.numbers(receiver) == Array(0..<100)
            }
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                !Files.exists(directory.path + "/spool/\(id)")
            }
            // What it has counted stays.
            let totals = await next.shipper.destinations().map(\.totals.lines)
            #expect(totals == [100])
        }
        #expect(keeper.position("a") == nil)
        try await receiver.stop()
    }

    @Test func `what a removed container leaves can be given up, and counts as lost`() async throws {
        try await withShipper { bench in
            let log = try bench.container("a", "syslog", ["syslog-address": "tcp://127.0.0.1:9"])
            try bench.write(log, 0..<100)
            bench.shipper.begin(log, isRunning: false)
            await bench.shipper.release(log.origin.id)
            let left = try #require(try await bench.shipper.spoolUsage().first)
            #expect(left.id == log.origin.id && left.bytes > 1000)
            bench.shipper.discard(log.origin.id)
            try await eventually(within: .seconds(10), "it is gone") { try await bench.shipper.spoolUsage().isEmpty }
            try await eventually(within: .seconds(10), "it is told") {
                await bench.shipper.destinations().map(\.totals.losses) == [1]
            }
        }
    }

    @Test func `containers share a connection, and each one's lines are in order`() async throws {
        let receiver = LogReceiver()
        let port = try await receiver.listen()
        try await withShipper { bench in
            for name: Character in ["a", "b", "c", "d"] {
                let log = try bench.container(
                    name, "syslog", ["syslog-address": "tcp://127.0.0.1:\(port)", "tag": "{{.Name}}"])
                try bench.write(log, 0..<3000)
                bench.shipper.begin(log, isRunning: false)
            }
            try await eventually(within: .seconds(20), "what was shipped is told, or has arrived") {
                Self.numbers(receiver).count == 12_000
            }
            let lines = receiver.received.flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
            for name in ["a", "b", "c", "d"] {
                #expect(lines.filter { $0.contains(" name-\(name)[") }.compactMap(Self.number) == Array(0..<3000))
            }
            #expect(receiver.connections == 1)
        }
        try await receiver.stop()
    }

    private static func number(_ line: Substring) -> Int? { line.split(separator: "#").last.flatMap { Int($0) } }

    private static func numbers(_ receiver: LogReceiver) -> [Int] {
        receiver.received.flatMap { said -> [Int] in
            // A line that a reset has cut is none.
            let whole = said.lastIndex(of: 10).map { said[...$0] } ?? []
            return String(decoding: whole, as: UTF8.self).split(separator: "\n").compactMap(number)
        }
    }
}

/// A shipper with its files.
struct ShippingBench: Sendable {
    let shipper: LogShipper
    let keeper: PositionMemory
    let directory: ShippingDirectory
    private let told: NewsList

    var news: [ShippingNews] { told.all }

    init(_ directory: ShippingDirectory, _ keeper: PositionMemory) throws {
        let told = NewsList()
        self.directory = directory
        self.keeper = keeper
        self.told = told
        shipper = LogShipper(
            host: LogHost(name: "node", processID: 42), spool: directory.path + "/spool", quota: 1 << 30,
            keeper: keeper,
            watcher: try FileWatcher(), log: Logger(label: "test")
        ) { told.add($0) }
    }

    /// - Parameter letter: Of which its id is made.
    func container(_ letter: Character, _ driver: String, _ options: [String: String]) throws -> ShippedLog {
        let id = String(repeating: letter, count: 64)
        try Files.makeDirectories("\(directory.path)/containers/\(id)")
        return ShippedLog(
            driver: driver, options: options,
            origin: LogOrigin(id: id, name: "name-\(letter)", created: Timestamp(seconds: 1)),
            path: "\(directory.path)/containers/\(id)/log")
    }

    func write(_ log: ShippedLog, _ numbers: Range<Int>, word: String = "line") throws {
        let text = numbers.map {
            "\(Timestamp(seconds: 1_700_000_000 + Int64($0)).fixedWidth) stdout F \(word) #\($0)\n"
        }
        try Descriptor.open(log.path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600).writeAll(Array(text.joined().utf8))
    }

    func size(_ log: ShippedLog) throws -> Int64? { try Files.status(log.path).map { Int64($0.st_size) } }
}

func withShipper(
    _ directory: ShippingDirectory? = nil, _ keeper: PositionMemory = PositionMemory(),
    _ body: (ShippingBench) async throws -> Void
) async throws {
    let bench = try ShippingBench(try directory ?? ShippingDirectory(), keeper)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await bench.shipper.run() }
        try await body(bench)
        group.cancelAll()
    }
}

final class PositionMemory: PositionKeeping {
    private let kept = Mutex<(positions: [String: LogPosition], isFrozen: Bool)>(([:], false))

    func positions() async throws -> [String: LogPosition] { kept.withLock { $0.positions } }

    func save(_ positions: [String: LogPosition?]) async throws {
        kept.withLock { kept in
            guard !kept.isFrozen else { return }
            for (id, position) in positions { kept.positions[id] = position }
        }
    }

    func position(_ letter: Character) -> LogPosition? {
        kept.withLock { $0.positions[String(repeating: letter, count: 64)] }
    }

    func freeze() { kept.withLock { $0.isFrozen = true } }
    func thaw() { kept.withLock { $0.isFrozen = false } }
}

private final class NewsList: Sendable {
    private let list = Mutex<[ShippingNews]>([])
    var all: [ShippingNews] { list.withLock { $0 } }
    func add(_ news: ShippingNews) { list.withLock { $0.append(news) } }
}

/// Removed with the object.
final class ShippingDirectory: Sendable {
    let path: String

    init() throws {
        path = "/tmp/apus-ship-\(RandomID.hex(bytes: 6))"
        try Files.makeDirectories(path)
    }

    deinit {
        // Nothing of it is needed any more.
        try? Files.removeTree(path)
    }
}
