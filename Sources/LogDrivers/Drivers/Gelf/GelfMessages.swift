import Model

/// GELF 1.1 (Graylog Extended Log Format) with the fields that Docker gives a container's lines.
struct GelfMessages: Sendable {
    private let head: [UInt8]
    /// From the comma in front of the container's fields to the closing brace.
    private let tail: [UInt8]

    init(_ container: LoggedContainer) {
        let origin = container.origin
        var head = JSONBytes()
        head.raw("{\"version\":\"1.1\",\"host\":")
        head.string(container.hostname)
        head.raw(",\"short_message\":")
        self.head = head.bytes

        var fields = [
            "_container_id": origin.id, "_container_name": origin.name, "_image_id": origin.imageID,
            "_image_name": origin.imageName, "_command": origin.command, "_tag": container.tag,
            "_created": origin.created.description,
        ]
        // A label may take the place of one of them, as in Docker.
        for (name, value) in container.attributes where !name.isEmpty {
            fields[name.first == "_" ? name : "_" + name] = value
        }
        var tail = JSONBytes()
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            tail.raw(",")
            tail.string(name)
            tail.raw(":")
            tail.string(value)
        }
        tail.raw("}")
        self.tail = tail.bytes
    }

    /// One message. Pieces of a line say so in fields of ours: Docker's driver has none.
    func message(_ text: ArraySlice<UInt8>, of line: ShippedLine) -> [UInt8] {
        var json = JSONBytes(reserving: head.count + tail.count + text.count + 64)
        json.raw(head)
        json.string(text)
        json.raw(",\"timestamp\":")
        json.raw(Self.seconds(line.time))
        json.raw(line.stream == .error ? ",\"level\":3" : ",\"level\":6")
        if let piece = line.piece {
            json.raw(",\"_partial_id\":")
            json.string(piece.id)
            json.raw(",\"_partial_ordinal\":")
            json.number(Int64(clamping: piece.ordinal))
            json.raw(piece.isLast ? ",\"_partial_last\":\"true\"" : ",\"_partial_last\":\"false\"")
        }
        json.raw(tail)
        return json.bytes
    }

    /// Seconds since 1970 with the milliseconds cut, not rounded.
    private static func seconds(_ time: Timestamp) -> String {
        let fraction = String(1000 + time.nanoseconds / 1_000_000).dropFirst()
        return "\(time.seconds).\(fraction)"
    }
}
