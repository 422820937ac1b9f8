/// The eight bytes before each piece of output on a multiplexed stream: stream, three zeros, length big-endian.
///
/// Source: Engine API 1.50, `POST /containers/{id}/attach`, "Stream format".
package enum StreamFrame {
    package static let headerLength = 8

    /// - Parameters:
    ///   - stream: 0 standard input, 1 standard output, 2 standard error.
    ///   - length: Of the data that follow.
    package static func header(stream: UInt8, length: Int) -> [UInt8] {
        let size = UInt32(truncatingIfNeeded: length)
        return [
            stream, 0, 0, 0, UInt8(truncatingIfNeeded: size >> 24), UInt8(truncatingIfNeeded: size >> 16),
            UInt8(truncatingIfNeeded: size >> 8), UInt8(truncatingIfNeeded: size),
        ]
    }
}
