import EngineInterface
import Foundation
import Model
import NIOCore
import Synchronization

/// Chunks of a log as lines of the dashboard's.
enum LogLines {
    /// The longest text that is shown of one line, in bytes; the rest is left out, and a sign says so.
    static let longest = 16 << 10

    /// `STAMP DETAILS TEXT`; a mark of the system's, which has neither, becomes one of ours.
    /// - Returns: `nil` for what a message has had no room for behind the beginning of a line: more than is shown of one.
    static func line(_ chunk: OutputChunk, owner: String) -> DashboardLogLine? {
        var bytes = chunk.bytes.readableBytesView[...]
        if bytes.last == 0x0A { bytes = bytes.dropLast() }
        if bytes.last == 0x0D { bytes = bytes.dropLast() }
        guard chunk.stream != .systemError, let space = bytes.firstIndex(of: 0x20),
            let stamp = Timestamp(String(decoding: bytes[..<space], as: UTF8.self))
        else {
            // Whatever a container writes, it is not told as the system's.
            guard chunk.stream == .systemError else { return nil }
            let now = Timestamp.now
            return DashboardLogLine(
                time: Double(now.clampedNanosecondsSinceEpoch) / 1e6, stamp: now.fixedWidth, task: "", node: "",
                stream: 3, text: shown(bytes))
        }
        let rest = bytes[space...].dropFirst()
        let end = rest.firstIndex(of: 0x20) ?? rest.endIndex
        var details: [String: String] = [:]
        for pair in String(decoding: rest[..<end], as: UTF8.self).split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, let key = parts.first, let value = parts.last { details[String(key)] = String(value) }
        }
        return DashboardLogLine(
            time: Double(stamp.clampedNanosecondsSinceEpoch) / 1e6, stamp: stamp.fixedWidth,
            task: details["com.docker.swarm.task.id"] ?? owner, node: details["com.docker.swarm.node.id"] ?? "",
            stream: chunk.stream == .standardError ? 2 : 1,
            text: shown(rest[end...].dropFirst()))
    }

    private static func shown(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: bytes.prefix(longest), as: UTF8.self) + (bytes.count > longest ? "…" : "")
    }
}

/// The newest lines that fit an answer.
final class LogFinds: Sendable {
    private struct State {
        var lines: [DashboardLogLine] = []
        var notes: [String] = []
        /// Of those that are not kept.
        var moreNotes = 0
        var looked = 0

        mutating func note(_ text: String) {
            if notes.count < LogFinds.mostNotes { notes.append(text) } else { moreNotes += 1 }
        }
        var isCut = false
    }
    static let mostNotes = 64
    private let state = Mutex(State())
    private let most: Int

    init(most: Int) { self.most = most }

    var looked: Int { state.withLock { $0.looked } }

    /// What the reader should know of the answer.
    func note(_ text: String) { state.withLock { $0.note(text) } }

    func add(_ lines: [DashboardLogLine], looked: Int) {
        state.withLock { state in
            state.looked += looked
            for line in lines {
                if line.stream == 3 {
                    state.note(line.text)
                } else {
                    state.lines.append(line)
                }
            }
            guard state.lines.count > most * 4 else { return }
            Self.cut(&state, most)
        }
    }

    /// What is said of notes that are too many.
    static func more(_ count: Int) -> String { "\(count) more notes are left out" }

    func result() -> (lines: [DashboardLogLine], notes: [String], isCut: Bool) {
        state.withLock { state in
            Self.cut(&state, most)
            let more = state.moreNotes > 0 ? [Self.more(state.moreNotes)] : []
            return (state.lines, state.notes + more, state.isCut || state.lines.count == most)
        }
    }

    private static func cut(_ state: inout State, _ most: Int) {
        state.lines.sort { $0.stamp < $1.stamp }
        guard state.lines.count > most else { return }
        state.lines = Array(state.lines.suffix(most))
        state.isCut = true
    }
}

/// Lines of a window by when they were written.
final class VolumeCounts: Sendable {
    private let volume: Mutex<DashboardLogVolume>
    private let count = Mutex(0)
    private let window: DashboardWindow
    private let buckets: Int

    init(_ window: DashboardWindow, buckets: Int) {
        self.window = window
        self.buckets = max(buckets, 1)
        volume = Mutex(
            DashboardLogVolume(
                from: window.from, step: Double(window.to - window.from) / Double(max(buckets, 1)),
                buckets: max(buckets, 1)))
    }

    var looked: Int { count.withLock { $0 } }

    /// - Parameter looked: How many lines were read for these.
    func add(_ lines: [DashboardLogLine], looked: Int) {
        count.withLock { $0 += looked }
        volume.withLock { volume in
            for line in lines where line.stream != 3 {
                let position = (line.time - Double(window.from)) / volume.step
                guard position >= 0, position < Double(buckets), let index = Int(exactly: position.rounded(.down)),
                    volume.output.indices.contains(index)
                else { continue }
                if line.stream == 2 { volume.error[index] += 1 } else { volume.output[index] += 1 }
                if StatedLevel(line: line.text) == .error { volume.stated[index] += 1 }
            }
        }
    }

    func result() -> DashboardLogVolume { volume.withLock { $0 } }
}
