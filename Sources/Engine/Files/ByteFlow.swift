import EngineInterface
import Glibc
import LinuxSystem
import Logging
import NIOCore
import Synchronization

/// A pipe between a thread that makes or takes bytes by blocking calls and tasks that must not block.
///
/// Either end may be let go of at any time: the other then sees the end, or EPIPE.
final class ByteFlow: Sendable {
    /// The largest piece that is passed on at once.
    static let pieceBytes = 256 << 10

    private struct Ends {
        var reading: CInt?
        var writing: CInt?
        var failure: (any Error)?
    }

    private let ends: Mutex<Ends>

    init() throws {
        let (reading, writing) = try Descriptor.pipe().split { reading, writing in
            (reading.release(), writing.release())
        }
        ends = Mutex(Ends(reading: reading, writing: writing))
    }

    deinit {
        closeReading()
        closeWriting()
    }

    /// Gives the reading end away; `nil` when it is gone.
    func takeReading() -> Descriptor? {
        guard let raw = releaseReading() else { return nil }
        return Descriptor(owning: raw)
    }

    private func releaseReading() -> CInt? {
        ends.withLock { ends in
            defer { ends.reading = nil }
            return ends.reading
        }
    }

    /// Gives the writing end away; `nil` when it is gone.
    func releaseWriting() -> CInt? {
        ends.withLock { ends in
            defer { ends.writing = nil }
            return ends.writing
        }
    }

    /// A second descriptor of the writing end.
    func duplicateWriting() throws -> Descriptor {
        let raw = ends.withLock { $0.writing } ?? -1
        return Descriptor(owning: try LinuxSystem.check(fcntl(raw, F_DUPFD_CLOEXEC, 3), "duplicate a pipe"))
    }

    func closeReading() { if let raw = releaseReading() { close(raw) } }
    func closeWriting() { if let raw = releaseWriting() { close(raw) } }

    /// Why the bytes end before their end; call it before the writing end is closed.
    func fail(_ error: any Error) { ends.withLock { if $0.failure == nil { $0.failure = error } } }

    private var failure: (any Error)? { ends.withLock { $0.failure } }

    /// The bytes as the reader asks for them; the flow lives as long as the stream.
    /// - Throws: What ``fail(_:)`` was told.
    func stream() -> ByteStream {
        let reader = FlowReader(releaseReading() ?? -1)
        return ByteStream {
            let piece = try await onThread { try reader.next() }
            if piece.isEmpty {
                if let failure = self.failure { throw failure }
                return nil
            }
            return ByteBuffer(bytes: piece)
        }
    }
}

/// The reading end of a pipe, read by one task at a time.
private final class FlowReader: Sendable {
    private let descriptor: CInt

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func next() throws -> [UInt8] {
        guard descriptor >= 0 else { return [] }
        var piece = [UInt8](repeating: 0, count: ByteFlow.pieceBytes)
        let count = try retrying("read a pipe") { read(descriptor, &piece, piece.count) }
        return Array(piece.prefix(count))
    }
}

/// The writing end of a pipe, written by one task at a time.
final class FlowWriter: Sendable {
    private let descriptor: Mutex<CInt>

    init(_ descriptor: CInt) { self.descriptor = Mutex(descriptor) }

    deinit { end() }

    /// Blocks until the reader has room.
    func write(_ bytes: ByteBuffer) throws {
        let raw = descriptor.withLock { $0 }
        var rest = Array(bytes.readableBytesView)[...]
        while !rest.isEmpty {
            let count = try retrying("write to a pipe") {
                rest.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(count)
        }
    }

    /// The reader sees the end.
    func end() {
        descriptor.withLock { raw in
            if raw >= 0 { close(raw) }
            raw = -1
        }
    }
}
