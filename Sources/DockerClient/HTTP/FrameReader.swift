/// The stream a piece of a container's output belongs to.
package enum OutputStream: UInt8, Sendable {
    case standardInput = 0
    case standardOutput = 1
    case standardError = 2
    /// An error of the engine's, in the middle of a stream.
    case systemError = 3
}

/// Takes apart what a container without a terminal sends: a header of eight bytes (stream, three zeros, length as a big
/// endian number), then so many bytes. Source: Engine API, `POST /containers/{id}/attach`, "Stream format".
package struct FrameReader {
    private var buffer: [UInt8] = []

    package struct Frame: Equatable, Sendable {
        package let stream: OutputStream
        package let bytes: [UInt8]
    }

    package init() {}

    /// - Returns: The frames that are whole now.
    package mutating func feed(_ bytes: [UInt8]) throws(MalformedAnswer) -> [Frame] {
        buffer += bytes
        var frames: [Frame] = []
        var start = 0
        while buffer.count - start >= 8 {
            guard let stream = OutputStream(rawValue: buffer[start]) else {
                throw MalformedAnswer(description: "Unrecognized input header: \(buffer[start])")
            }
            let length = buffer[start + 4..<start + 8].reduce(0) { $0 << 8 | Int($1) }
            guard buffer.count - start - 8 >= length else { break }
            frames.append(Frame(stream: stream, bytes: Array(buffer[start + 8..<start + 8 + length])))
            start += 8 + length
        }
        buffer.removeFirst(start)
        return frames
    }
}
