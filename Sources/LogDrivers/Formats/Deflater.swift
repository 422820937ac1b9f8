import CZlib

/// Compresses one message after another with one state of zlib's (256 KB), which is reset in between.
struct Deflater: ~Copyable {
    enum Container: Sendable, Equatable { case gzip, zlib }

    /// zlib keeps a pointer to it, so it never moves.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter level: -1 (zlib's own choice) to 9; others are taken to the nearer end.
    /// - Returns: `nil` when there is no memory for it.
    init?(_ container: Container, level: Int) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let window: CInt = container == .gzip ? 15 + 16 : 15
        let made = deflateInit2_(
            stream, CInt(clamping: min(9, max(-1, level))), Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(clamping: MemoryLayout<z_stream>.size))
        guard made == Z_OK else {
            stream.deallocate()
            // Nothing is left for the end to give back.
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The message as one complete stream (RFC 1950 or 1952); `nil` when zlib refuses, which it does for more than 4 GiB.
    func compress(_ message: [UInt8]) -> [UInt8]? {
        guard let length = UInt32(exactly: message.count), deflateReset(stream) == Z_OK else { return nil }
        guard let bound = Int(exactly: deflateBound(stream, UInt(clamping: length))) else { return nil }
        var source = message
        var ended = false
        let result = [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            source.withUnsafeMutableBufferPointer { source in
                stream.pointee.next_in = source.baseAddress
                stream.pointee.avail_in = length
                stream.pointee.next_out = target.baseAddress
                stream.pointee.avail_out = UInt32(clamping: bound)
                ended = deflate(stream, Z_FINISH) == Z_STREAM_END
                count = ended ? max(0, bound - (Int(exactly: stream.pointee.avail_out) ?? bound)) : 0
                stream.pointee.next_in = nil
                stream.pointee.next_out = nil
            }
        }
        return ended ? result : nil
    }
}
