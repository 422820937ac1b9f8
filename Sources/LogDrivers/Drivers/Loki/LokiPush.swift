import Model

/// Labels of Loki's streams: what a container's lines are found by.
enum LokiLabels {
    /// Labels that every line has, but for `source`, which is the line's own. Names as in Grafana's plugin for Docker.
    static func of(_ container: LoggedContainer, external: [(name: String, value: String)]) -> [String: String] {
        var labels = ["host": container.hostname, "container_name": container.origin.name]
        let found = [
            "swarm_service": "com.docker.swarm.service.name", "swarm_stack": "com.docker.stack.namespace",
            "compose_service": "com.docker.compose.service", "compose_project": "com.docker.compose.project",
        ]
        for (name, label) in found { labels[name] = container.origin.labels[label] }
        for (name, value) in container.attributes { labels[self.name(name)] = value }
        for (name, value) in external { labels[self.name(name)] = value }
        return labels.filter { !$0.key.isEmpty && !$0.value.isEmpty }
    }

    /// Prometheus' rule for names: letters, digits and `_`, no digit in front.
    static func name(_ text: String) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            let isLetter = scalar.isASCII && scalar.properties.isAlphabetic
            let isDigit = ("0"..."9").contains(scalar)
            if isDigit, name.isEmpty { name += "_" }
            if isLetter || isDigit { name.unicodeScalars.append(scalar) } else { name += "_" }
        }
        return name
    }

    /// The beginning of the object, to which `source` is added.
    static func json(_ labels: [String: String]) -> [UInt8] {
        var json = JSONBytes()
        json.raw("{")
        for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
            json.string(name)
            json.raw(":")
            json.string(value)
            json.raw(",")
        }
        return json.bytes
    }
}

/// What goes to the transport is the stream's number, as Docker's frames have it, and the entry in JSON.
struct LokiEncoder: LineEncoder {
    let group: [UInt8]

    init(labels: [String: String]) { group = LokiLabels.json(labels) }

    func encode(_ line: ShippedLine) -> [EncodedLine] {
        var json = JSONBytes(reserving: line.text.count + 64)
        json.raw([line.stream.rawValue])
        json.raw("[\"\(line.time.clampedNanosecondsSinceEpoch)\",")
        json.string(line.text)
        json.raw("]")
        return [EncodedLine(line, json.bytes)]
    }
}

/// Loki's push API in JSON: `{"streams":[{"stream":{…labels…},"values":[["nanoseconds","line"],…]},…]}`.
struct LokiDialect: HTTPDialect {
    let url: String
    let headers: [(name: String, value: String)]
    let packing: HTTPBody
    let limits: BatchLimits

    func post(_ indices: [Int], of batch: LogBatch) -> HTTPPost {
        // In the order of their first line; a stream's lines in theirs.
        var streams: [(head: [UInt8], source: UInt8, entries: [Int])] = []
        var places: [[UInt8]: Int] = [:]
        for index in indices {
            let item = batch.items[index]
            let source = item.line.bytes.first ?? LogEntry.Stream.output.rawValue
            let key = item.group + [source]
            if let place = places[key] {
                streams[place].entries.append(index)
            } else {
                places[key] = streams.count
                streams.append((item.group, source, [index]))
            }
        }
        var json = JSONBytes(reserving: batch.bytes + 256)
        json.raw("{\"streams\":[")
        for (number, stream) in streams.enumerated() {
            json.raw(number == 0 ? "{\"stream\":" : ",{\"stream\":")
            json.raw(stream.head)
            json.raw(
                stream.source == LogEntry.Stream.error.rawValue ? "\"source\":\"stderr\"}" : "\"source\":\"stdout\"}")
            json.raw(",\"values\":[")
            for (number, index) in stream.entries.enumerated() {
                if number > 0 { json.raw(",") }
                json.raw(Array(batch.items[index].line.bytes.dropFirst()))
            }
            json.raw("]}")
        }
        json.raw("]}")
        let (body, more) = packing.packed(json.bytes)
        return HTTPPost(url: url, headers: headers + more, body: body)
    }
}
