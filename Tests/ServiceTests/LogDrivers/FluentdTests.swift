import Crypto
import Foundation
import Synchronization
import TestKit
import Testing

@testable import LogDrivers

/// The Forward protocol against a receiver that reads it for itself.
@Suite(.timeLimit(.minutes(2)), .serialized) struct FluentdTests {
    /// Takes messages apart with a reader of its own, and answers as it is told.
    final class Forward: Sendable {
        enum Answer { case acknowledges, isSilent, lies }

        private let state = Mutex<(entries: [[String: String]], tags: Set<String>, chunks: Int, answer: Answer)>(
            ([], [], 0, .acknowledges))
        private let lied = Mutex(0)

        init(_ answer: Answer = .acknowledges) { state.withLock { $0.answer = answer } }

        func answer(_ answer: Answer) { state.withLock { $0.answer = answer } }

        var entries: [[String: String]] { state.withLock { $0.entries } }
        var tags: Set<String> { state.withLock { $0.tags } }
        var numbers: [Int] { entries.compactMap { $0["log"]?.split(separator: "#").last.flatMap { Int($0) } } }
        /// Chunks that were acknowledged as another one.
        var lies: Int { lied.withLock { $0 } }
        var chunks: Int { state.withLock { $0.chunks } }

        func take(_ said: inout [UInt8]) -> [UInt8] {
            var answers: [UInt8] = []
            while let (message, rest) = Unpacker.value(said[...]) {
                said = Array(rest)
                guard case .array(let parts) = message, parts.count == 3, case .bytes(let tag) = parts[0],
                    case .bytes(let packed) = parts[1], case .map(let options) = parts[2]
                else { continue }
                var entries: [[String: String]] = []
                var left = packed[...]
                while let (entry, more) = Unpacker.value(left) {
                    left = more
                    guard case .array(let pair) = entry, pair.count == 2, case .map(let fields) = pair[1] else {
                        continue
                    }
                    entries.append(
                        fields.mapValues { value in
                            if case .bytes(let bytes) = value { String(decoding: bytes, as: UTF8.self) } else { "?" }
                        })
                }
                guard case .integer(Int64(entries.count))? = options["size"] else { continue }
                let answer = state.withLock { state in
                    state.entries += state.answer == .lies ? [] : entries
                    state.tags.insert(String(decoding: tag, as: UTF8.self))
                    state.chunks += options["chunk"] == nil ? 0 : 1
                    return state.answer
                }
                guard case .bytes(let chunk)? = options["chunk"], answer != .isSilent else { continue }
                if answer == .lies { lied.withLock { $0 += 1 } }
                let told = answer == .lies ? Array("none such".utf8) : chunk
                answers += [0x81, 0xa3] + Array("ack".utf8) + [0xd9, UInt8(told.count)] + told
            }
            return answers
        }
    }

    /// - Parameter body: Its second argument is the receiver's port.
    private static func with(
        _ forward: Forward, _ body: (ShippingBench, Int) async throws -> Void
    ) async throws {
        let receiver = LogReceiver { forward.take(&$0) }
        let port = try await receiver.listen()
        try await withShipper { try await body($0, port) }
        try await receiver.stop()
    }

    @Test func `records come acknowledged, with Docker's fields, each container under its tag`() async throws {
        let forward = Forward()
        try await Self.with(forward) { bench, port in
            for name: Character in ["a", "b"] {
                let log = try bench.container(
                    name, "fluentd", ["fluentd-address": "127.0.0.1:\(port)", "tag": "docker.{{.Name}}"])
                try bench.write(log, 0..<2500)
                bench.shipper.begin(log, isRunning: true)
            }
            try await eventually(within: .seconds(60), "all entries arrive") { forward.entries.count >= 5000 }
            #expect(forward.tags == ["docker.name-a", "docker.name-b"])
            for name in ["a", "b"] {
                let own = forward.entries.filter { $0["container_name"] == "/name-\(name)" }
                #expect(own.compactMap { $0["log"] } == (0..<2500).map { "line #\($0)" })
                #expect(own.allSatisfy { $0["source"] == "stdout" && $0.count == 4 })
            }
            try await eventually(within: .seconds(30), "both places are kept") {
                bench.keeper.position("a") != nil && bench.keeper.position("b") != nil
            }
        }
    }

    @Test func `what is acknowledged wrongly is not taken for sent`() async throws {
        let forward = Forward()
        try await Self.with(forward) { bench, port in
            let log = try bench.container("a", "fluentd", ["fluentd-address": "127.0.0.1:\(port)"])
            try bench.write(log, 0..<10)
            bench.shipper.begin(log, isRunning: true)
            try await eventually(within: .seconds(30), "the first lines arrive") { forward.numbers == Array(0..<10) }
            let size = try bench.size(log)
            try await eventually(within: .seconds(30), "their place is kept") {
                bench.keeper.position("a")?.place?.offset == size
            }
            forward.answer(.lies)
            try bench.write(log, 10..<20)
            // Told again, so not taken for sent.
            try await eventually(within: .seconds(60), "the lines come a second time") { forward.lies >= 2 }
            #expect(bench.keeper.position("a")?.place?.offset == size)
            forward.answer(.acknowledges)
            try await eventually(within: .seconds(60), "they arrive where they are acknowledged") {
                Set(forward.numbers) == Set(0..<20)
            }
        }
    }

    @Test func `a receiver that answers nothing gets everything all the same`() async throws {
        let forward = Forward(.isSilent)
        try await Self.with(forward) { bench, port in
            let log = try bench.container("a", "fluentd", ["fluentd-address": "127.0.0.1:\(port)"])
            try bench.write(log, 0..<10)
            bench.shipper.begin(log, isRunning: true)
            try await eventually(within: .seconds(60), "the place is kept without an answer") {
                bench.keeper.position("a") != nil
            }
            try bench.write(log, 10..<20)
            try await eventually(within: .seconds(30), "the next lines arrive") { forward.numbers == Array(0..<20) }
            // It is not asked again.
            #expect(forward.chunks == 1)
        }
    }

    @Test func `the handshake shows that both know the key`() async throws {
        let forward = Forward()
        let nonce = Array("nonce-16-bytes!!".utf8)
        // How often the right key was shown.
        let greeted = Mutex(0)
        for (key, works) in [("secret", true), ("wrong", false)] {
            let receiver = LogReceiver(greeting: Self.hello(nonce)) { said in
                guard let parts = Self.ping(&said) else { return forward.take(&said) }
                guard parts.count == 6, case .bytes(let name) = parts[1],
                    case .bytes(let salt) = parts[2],
                    case .bytes(let digest) = parts[3]
                else { return [] }
                let right = Self.digest(salt + name + nonce + Array("secret".utf8))
                greeted.withLock { $0 += digest == Array(right.utf8) ? 1 : 0 }
                let own = Self.digest(salt + Array("server".utf8) + nonce + Array("secret".utf8))
                return Self.pong(digest == Array(right.utf8), own)
            }
            let port = try await receiver.listen()
            try await withShipper { bench in
                let log = try bench.container(
                    "a", "fluentd", ["fluentd-address": "127.0.0.1:\(port)", "fluentd-shared-key": key])
                try bench.write(log, 0..<5)
                bench.shipper.begin(log, isRunning: true)
                if works {
                    try await eventually(within: .seconds(30), "the lines arrive") { forward.numbers == Array(0..<5) }
                } else {
                    try await eventually(within: .seconds(30), "the refusal is told") {
                        await bench.shipper.status(of: log.origin.id)?.error.contains("refuses this node: no") == true
                    }
                    #expect(forward.numbers.count == 5)
                }
            }
            try await receiver.stop()
        }
        #expect(greeted.withLock { $0 } == 1)
    }

    @Test func `a user is told of where the receiver asks for one`() async throws {
        let forward = Forward()
        let (nonce, auth) = (Array("nonce-16-bytes!!".utf8), Array("auth-16-bytes!!!".utf8))
        let users = Mutex<[String]>([])
        let receiver = LogReceiver(greeting: Self.hello(nonce, auth)) { said in
            guard let parts = Self.ping(&said) else { return forward.take(&said) }
            guard parts.count == 6, case .bytes(let salt) = parts[2],
                case .bytes(let user) = parts[4], case .bytes(let digest) = parts[5]
            else { return [] }
            let right = Self.digest(auth + user + Array("word".utf8))
            let isRight = digest == Array(right.utf8)
            if isRight { users.withLock { $0.append(String(decoding: user, as: UTF8.self)) } }
            return Self.pong(isRight, Self.digest(salt + Array("server".utf8) + nonce + Array("secret".utf8)))
        }
        let port = try await receiver.listen()
        for (password, works) in [("other", false), ("word", true)] {
            try await withShipper { bench in
                let log = try bench.container(
                    "a", "fluentd",
                    [
                        "fluentd-address": "127.0.0.1:\(port)", "fluentd-shared-key": "secret",
                        "fluentd-username": "vera", "fluentd-password": password,
                    ])
                try bench.write(log, 0..<5)
                bench.shipper.begin(log, isRunning: true)
                if works {
                    try await eventually(within: .seconds(30), "the lines arrive") { forward.numbers == Array(0..<5) }
                } else {
                    try await eventually(within: .seconds(30), "the refusal is told") {
                        await bench.shipper.status(of: log.origin.id)?.error.contains("refuses this node: no") == true
                    }
                    #expect(forward.numbers.isEmpty)
                }
            }
        }
        #expect(Set(users.withLock { $0 }) == ["vera"])
        try await receiver.stop()
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        SHA512.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func text(_ text: String) -> [UInt8] { [0xd9, UInt8(text.utf8.count)] + Array(text.utf8) }

    /// - Parameter auth: What users' passwords are shown with; empty where no user is asked for.
    private static func hello(_ nonce: [UInt8], _ auth: [UInt8] = []) -> [UInt8] {
        let salt: [UInt8] = [0xc4, UInt8(auth.count)] + auth
        return [0x92] + text("HELO") + [0x83] + text("nonce") + [0xc4, UInt8(nonce.count)] + nonce + text("auth") + salt
            + text("keepalive") + [0xc3]
    }

    /// What a PING says, taken from what was said; `nil` for anything else.
    private static func ping(_ said: inout [UInt8]) -> [Unpacker.Value]? {
        guard said.count > 5, said[0] == 0x96, let (ping, rest) = Unpacker.value(said[...]) else { return nil }
        said = Array(rest)
        guard case .array(let parts) = ping else { return [] }
        return parts
    }

    private static func pong(_ isRight: Bool, _ digest: String) -> [UInt8] {
        [0x95] + text("PONG") + [isRight ? 0xc3 : 0xc2] + text(isRight ? "" : "no") + text("server") + text(digest)
    }
}
