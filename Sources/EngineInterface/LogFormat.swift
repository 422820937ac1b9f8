package import Model
import NIOCore

extension LogQuery {
    /// A line as the API shows it: its time, then its details, each if asked for, then what was written.
    ///
    /// - Parameters:
    ///   - details: Shown sorted by their names.
    ///   - endsLines: Give a line's end to what has none, for clients that tell lines by it.
    /// - Returns: `nil` for a stream that is not wanted.
    package func chunk(_ entry: LogEntry, details: [String: String], endsLines: Bool = false) -> OutputChunk? {
        guard entry.stream == .output ? standardOutput : standardError else { return nil }
        var bytes = ByteBuffer()
        if timestamps { bytes.writeString(entry.timestamp.fixedWidth + " ") }
        if self.details { bytes.writeString(Self.text(of: details) + " ") }
        bytes.writeBytes(entry.bytes)
        if endsLines, entry.bytes.last != UInt8(ascii: "\n") { bytes.writeString("\n") }
        return OutputChunk(stream: entry.stream == .output ? .standardOutput : .standardError, bytes: bytes)
    }

    /// `name=value,…`, each escaped as in the query of a URL.
    static func text(of details: [String: String]) -> String {
        details.sorted { $0.key < $1.key }.map { "\(escaped($0.key))=\(escaped($0.value))" }.joined(separator: ",")
    }

    /// As Go's `url.QueryEscape`.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: " "): result += "+"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += (byte < 16 ? "%0" : "%") + digits
            }
        }
        return result
    }
}
