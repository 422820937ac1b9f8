import Logs
import Model

/// A container's lines as entries of the journal, with Docker's fields.
struct JournalEncoder: LineEncoder {
    private let common: JournalFields

    init(_ container: LoggedContainer) {
        let origin = container.origin
        var values = [
            "CONTAINER_ID": origin.shortID, "CONTAINER_ID_FULL": origin.id,
            "CONTAINER_NAME": origin.name, "CONTAINER_TAG": container.tag, "IMAGE_NAME": origin.imageName,
            "SYSLOG_IDENTIFIER": container.tag,
        ]
        for (name, value) in container.attributes {
            if let name = JournalFields.name(name) { values[name] = value }
        }
        var common = JournalFields()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { common.append(name, value) }
        self.common = common
    }

    func encode(_ line: ShippedLine) -> [EncodedLine] { [EncodedLine(line, fields(line))] }

    /// Epoch and ordinal say where the line stands in the log: who finds one twice after a crash can tell.
    private func fields(_ line: ShippedLine) -> [UInt8] {
        var fields = JournalFields()
        fields.append("MESSAGE", line.text)
        // syslog(3): LOG_ERR, LOG_INFO
        fields.append("PRIORITY", line.stream == .error ? "3" : "6")
        fields.append(common)
        fields.append("SYSLOG_TIMESTAMP", line.time.description)
        if let place = line.position.place {
            fields.append("CONTAINER_LOG_EPOCH", "\(place.inode)-\(place.beginning)")
            fields.append("CONTAINER_LOG_ORDINAL", String(place.offset))
        }
        if let piece = line.part {
            if !piece.isLast { fields.append("CONTAINER_PARTIAL_MESSAGE", "true") }
            fields.append("CONTAINER_PARTIAL_ID", piece.id)
            fields.append("CONTAINER_PARTIAL_ORDINAL", String(piece.ordinal))
            fields.append("CONTAINER_PARTIAL_LAST", piece.isLast ? "true" : "false")
        }
        return fields.bytes
    }
}
