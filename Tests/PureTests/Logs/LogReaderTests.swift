import Foundation
import LinuxSystem
import Logs
import Model
import TestKit
import Testing

@Suite struct LogReaderTests {
    private func line(_ second: Int, _ stream: String, _ tag: String, _ text: String) -> String {
        "2026-11-23T06:21:\(second < 10 ? "0" : "")\(second).123456789+00:00 \(stream) \(tag) \(text)\n"
    }

    private func read(_ path: String, _ change: (inout LogSelection) -> Void = { _ in }) async throws -> [String] {
        var selection = LogSelection()
        change(&selection)
        var texts: [String] = []
        for try await entry in LogReader(path: path, watcher: try FileWatcher()).entries(selection, ended: {}) {
            texts.append(String(decoding: entry.bytes, as: UTF8.self))
        }
        return texts
    }

    @Test func `pieces are joined per stream and a line that never ended is given as it is`() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/log"
            let text =
                line(1, "stdout", "P", "a") + line(1, "stderr", "F", "e") + line(2, "stdout", "P", "b")
                + line(2, "stdout", "F", "c")
                + line(3, "stdout", "F", "") + line(4, "stdout", "P", "$ ")
            try Files.writeAtomically(text, to: path)
            #expect(try await read(path) == ["e\n", "abc\n", "\n", "$ "])
        }
    }

    @Test func `the last lines are found across files, whatever their number`() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/log"
            let filler = String(repeating: "x", count: 300)
            var number = 0
            for file in ["log.2", "log.1", "log"] {
                var text = ""
                for _ in 0..<500 {
                    number += 1
                    text += line(number % 60, "stdout", "F", "\(number) \(filler)")
                }
                try Files.writeAtomically(text, to: "\(directory)/\(file)")
            }
            for count in [1, 3, 499, 500, 501, 1499, 1500, 2000] {
                let numbers = try await read(path) { $0.tail = count }.compactMap { Int($0.prefix { $0 != " " }) }
                let wanted = min(count, 1500)
                #expect(numbers == Array((1500 - wanted + 1)...1500), "tail \(count)")
            }
            #expect(try await read(path) { $0.tail = 0 }.isEmpty)
            #expect(try await read(path).count == 1500)
        }
    }

    @Test func `a follower sees what is written later, across a rotation, and ends with the container`() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/log"
            try Files.writeAtomically(line(1, "stdout", "F", "first"), to: path)
            let (ended, end) = AsyncStream.makeStream(of: Void.self)
            var selection = LogSelection()
            selection.follows = true
            let entries = LogReader(path: path, watcher: try FileWatcher()).entries(selection) {
                for await _ in ended {}
            }
            var seen: [String] = []
            for try await entry in entries {
                seen.append(String(decoding: entry.bytes, as: UTF8.self))
                switch seen.count {
                case 1:
                    let handle = try #require(FileHandle(forWritingAtPath: path))
                    try handle.seekToEnd()
                    try handle.write(contentsOf: Data(line(2, "stdout", "F", "second").utf8))
                    try handle.close()
                case 2:
                    let text = line(3, "stderr", "F", "third")
                    let done = try await LogSegments(path: path).rotate(limit: 1, count: 3) {
                        try Files.writeAtomically(text, to: path)
                    }
                    #expect(done)
                default: end.finish()
                }
            }
            #expect(seen == ["first\n", "second\n", "third\n"])
            #expect(Files.exists("\(path).1"))
        }
    }

    @Test func `since and until are honoured`() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/log"
            try Files.writeAtomically((1...9).map { line($0, "stdout", "F", "\($0)") }.joined(), to: path)
            let texts = try await read(path) {
                $0.since = Timestamp("2026-11-23T06:21:03Z")
                $0.until = Timestamp("2026-11-23T06:21:06Z")
            }
            #expect(texts == ["3\n", "4\n", "5\n"])
        }
    }

    @Test func `damaged bytes never stop the assembler nor invent text`() {
        var random = SplitMix(state: 11)
        for _ in 0..<3000 {
            var bytes = Array(line(5, "stdout", Bool.random(using: &random) ? "F" : "P", "payload").utf8.dropLast())
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var assembler = LogAssembler()
            let entry = assembler.take(bytes) ?? assembler.finish().first
            #expect(entry == nil || (entry?.bytes.count ?? 0) <= bytes.count + 1)
        }
    }
}
