import Model

/// OpenTelemetry's logs in protobuf (opentelemetry-proto 1.x, `logs/v1/logs.proto`), with the names of its semantic conventions.
enum OTLPRecords {
    /// The resource that a container is. Encoded `Resource`.
    static func resource(_ container: LoggedContainer) -> [UInt8] {
        let origin = container.origin
        let labels = origin.labels
        let service = labels["com.docker.swarm.service.name"] ?? labels["com.docker.compose.service"] ?? origin.name
        var values = [
            ("service.name", service), ("container.id", origin.id), ("container.name", origin.name),
            ("container.image.name", origin.imageName), ("container.image.id", origin.imageID),
            ("container.command_line", origin.command), ("host.name", container.hostname), ("tag", container.tag),
        ]
        if let task = labels["com.docker.swarm.task.name"] { values.append(("service.instance.id", task)) }
        if let space = labels["com.docker.stack.namespace"] { values.append(("service.namespace", space)) }
        let named = Set(values.map(\.0))
        values += container.attributes.filter { !named.contains($0.key) }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) }
        var resource = ProtobufBytes()
        for (name, value) in values where !value.isEmpty { resource.message(1, attribute(name, text(value))) }
        return resource.bytes
    }

    /// Encoded `LogRecord`.
    static func record(_ line: ShippedLine) -> [UInt8] {
        var record = ProtobufBytes()
        let time = UInt64(clamping: line.time.clampedNanosecondsSinceEpoch)
        record.fixed64(1, time)
        // SEVERITY_NUMBER_ERROR, SEVERITY_NUMBER_INFO
        record.varint(2, line.stream == .error ? 17 : 9)
        record.message(5, body(line.text))
        record.message(6, attribute("log.iostream", text(line.stream == .error ? "stderr" : "stdout")))
        if let piece = line.piece {
            record.message(6, attribute("log.partial.id", text(piece.id)))
            record.message(6, attribute("log.partial.ordinal", number(Int64(clamping: piece.ordinal))))
            record.message(6, attribute("log.partial.last", flag(piece.isLast)))
        }
        record.fixed64(11, time)
        return record.bytes
    }

    /// Encoded `ExportLogsServiceRequest`: a `ResourceLogs` for each resource.
    static func request(_ resources: [(resource: [UInt8], records: [[UInt8]])]) -> [UInt8] {
        var scope = ProtobufBytes()
        scope.text(1, "apus")
        var request = ProtobufBytes()
        for (resource, records) in resources {
            var logs = ProtobufBytes()
            logs.message(1, scope)
            for record in records { logs.block(2, record) }
            var whole = ProtobufBytes()
            whole.block(1, resource)
            whole.message(2, logs)
            request.message(1, whole)
        }
        return request.bytes
    }

    /// Of an encoded `ExportLogsServiceResponse`: how many records were refused, and why; `nil` for none.
    static func refusal(_ response: [UInt8]) -> (count: Int, reason: String)? {
        var outer = ProtobufReader(response)
        while let (field, value) = outer.next() {
            guard field == 1, case .block(let partial) = value else { continue }
            var inner = ProtobufReader(partial)
            var (count, reason) = (0, "")
            while let (field, value) = inner.next() {
                switch (field, value) {
                case (1, .number(let number)): count = Int(exactly: number) ?? 0
                case (2, .block(let text)): reason = String(decoding: text.prefix(300), as: UTF8.self)
                default: break
                }
            }
            if count > 0 { return (count, reason) }
        }
        return nil
    }

    // MARK: Values

    private static func attribute(_ name: String, _ value: ProtobufBytes) -> ProtobufBytes {
        var pair = ProtobufBytes()
        pair.text(1, name)
        pair.message(2, value)
        return pair
    }

    /// A line is a text where it is one, else bytes: nothing of it is lost.
    private static func body(_ line: [UInt8]) -> ProtobufBytes {
        var value = ProtobufBytes()
        value.block(UTF8Text.isValid(line) ? 1 : 7, line)
        return value
    }

    private static func text(_ value: String) -> ProtobufBytes {
        var any = ProtobufBytes()
        any.block(1, Array(value.utf8))
        return any
    }

    private static func number(_ value: Int64) -> ProtobufBytes {
        var any = ProtobufBytes()
        any.varint(3, UInt64(bitPattern: value))
        return any
    }

    private static func flag(_ value: Bool) -> ProtobufBytes {
        var any = ProtobufBytes()
        any.flag(2, value)
        return any
    }
}
