import OCI
import Synchronization

/// One line of the progress of a pull, push or load, as Docker's clients read it.
package struct ProgressReport: Sendable, Equatable {
    /// Docker's words, as in `Pull complete`.
    package let status: String
    /// Whether `status` is text of the line's `stream`.
    package let isStream: Bool
    /// A layer's short digest, or the tag in the first line.
    package let id: String?
    /// Bytes; `nil` where the line has no `progressDetail` or an empty one.
    package let current: Int64?
    /// Bytes.
    package let total: Int64?
    /// Whether there is a `progressDetail`, be it empty.
    package let hasDetail: Bool

    /// Text that is shown as it is, a line of its own.
    init(stream text: String) {
        status = text
        isStream = true
        id = nil
        current = nil
        total = nil
        hasDetail = false
    }

    init(_ status: String, id: String? = nil) {
        self.status = status
        isStream = false
        self.id = id
        current = nil
        total = nil
        hasDetail = false
    }

    init(_ status: String, layer: Digest) {
        self.status = status
        isStream = false
        id = layer.short
        current = nil
        total = nil
        hasDetail = true
    }

    init(_ status: String, layer: Digest, _ current: Int64, of total: Int64) {
        self.status = status
        isStream = false
        id = layer.short
        self.current = current
        self.total = total
        hasDetail = true
    }

    /// The bar and figures in the line's `progress`.
    package var bar: String? {
        guard let current, let total else { return nil }
        guard total > 0 else { return String(repeating: " ", count: max(0, 8 - size(current).count)) + size(current) }
        let done = Int(exactly: (min(max(0, Double(current) / Double(total)), 1) * 50).rounded(.down)) ?? 0
        let figures = size(current)
        return "[" + String(repeating: "=", count: done) + ">" + String(repeating: " ", count: 50 - done) + "] "
            + String(repeating: " ", count: max(0, 8 - figures.count)) + figures + "/" + size(total)
    }

    /// Decimal units, four significant figures: `69.21kB` (docker/go-units).
    private func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        var units = ["B", "kB", "MB", "GB", "TB", "PB"][...]
        while value >= 1000, units.count > 1 {
            value /= 1000
            units = units.dropFirst()
        }
        let places = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int64(exactly: (value * scale).rounded()) ?? 0
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int64(exactly: scale) ?? 1)
        var text = "\(whole)"
        var fraction = "\(rest)"
        fraction = String(repeating: "0", count: max(0, places - fraction.count)) + fraction
        while fraction.hasSuffix("0") { _ = fraction.popLast() }
        if places > 0, !fraction.isEmpty { text += "." + fraction }
        return text + (units.first ?? "")
    }
}

/// Told each line in order; throwing ends the operation.
package typealias ProgressReceiver = @Sendable (ProgressReport) async throws -> Void

/// Hands lines from many tasks to one receiver. Of a layer's figures only the newest waits, so a slow receiver holds up
/// nothing and the queue is bounded by the number of layers.
final class ProgressRelay: Sendable {
    private let waiting = Mutex<[ProgressReport]>([])
    private let signal: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (signal, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func report(_ line: ProgressReport) {
        waiting.withLock { lines in
            if line.current != nil, let last = lines.lastIndex(where: { $0.id == line.id }),
                lines[last].current != nil, lines[last].status == line.status
            {
                lines[last] = line
            } else {
                lines.append(line)
            }
        }
        continuation.yield()
    }

    func finish() { continuation.finish() }

    /// Delivers until ``finish()`` and the last line.
    func deliver(to receiver: ProgressReceiver) async throws {
        for await _ in signal { try await drain(to: receiver) }
        try await drain(to: receiver)
    }

    private func drain(to receiver: ProgressReceiver) async throws {
        let lines = waiting.withLock { lines in
            defer { lines = [] }
            return lines
        }
        for line in lines { try await receiver(line) }
    }
}
