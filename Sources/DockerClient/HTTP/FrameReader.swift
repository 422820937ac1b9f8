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

    /// One piece of a stream.
    package struct Frame: Equatable, Sendable {
        package let stream: OutputStream
        package let bytes: [UInt8]
    }

    package init() {}

    /// - Returns: The frames that are whole now.
    package mutating func feed(_ bytes: [UInt8]) throws(MalformedAnswer) -> [Frame] {
        buffer += bytes
        var frames: [Frame] = []
        var rest = buffer[...]
        while rest.count >= 8, let first = rest.first {
            guard let stream = OutputStream(rawValue: first) else {
                throw MalformedAnswer(description: "Unrecognized input header: \(first)")
            }
            let length = rest.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | Int(clamping: $1) }
            let content = rest.dropFirst(8).prefix(length)
            guard content.count == length else { break }
            frames.append(Frame(stream: stream, bytes: Array(content)))
            rest = rest.dropFirst(8 + length)
        }
        buffer = Array(rest)
        return frames
    }
}
