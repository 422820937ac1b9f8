import Crypto
import Logs

/// A container's lines as GELF: over TCP each message ends in NUL; over UDP what goes to the transport is a row of messages, each with its length in
/// front, as one line may need several.
struct GelfEncoder: LineEncoder {
    enum Form: Sendable, Equatable {
        case stream
        /// What the transport will compress with decides how long a message may be.
        case datagrams(Deflater.Container?, level: Int)
    }

    private let messages: GelfMessages
    private let form: Form

    init(_ container: LoggedContainer, form: Form) {
        messages = GelfMessages(container)
        self.form = form
    }

    /// Empty lines are left out, as Docker leaves them out: `short_message` must not be empty.
    func encode(_ line: ShippedLine) -> [EncodedLine] {
        guard !line.text.isEmpty else { return [] }
        let whole = messages.message(line.text[...], of: line)
        switch form {
        case .stream: return [EncodedLine(line, whole + [0])]
        case .datagrams(let compression, let level):
            if Self.fits(whole, compression, level) { return [EncodedLine(line, Self.row([whole]))] }
            return [EncodedLine(line, Self.row(pieces(line, compression, level)))]
        }
    }

    /// As few pieces as will do. None when the container's own fields leave no room: what no receiver can put together is not sent.
    private func pieces(_ line: ShippedLine, _ compression: Deflater.Container?, _ level: Int) -> [[UInt8]] {
        let id = Self.pieceID(line)
        var room = line.text.count / 2
        while room > 64 {
            let texts = UTF8Text.pieces(line.text, most: room)
            let pieces = texts.enumerated().map { index, text in
                var part = line
                part.piece = ShippedLine.Piece(id: id, ordinal: index + 1, isLast: index == texts.count - 1)
                return messages.message(text, of: part)
            }
            if pieces.allSatisfy({ Self.fits($0, compression, level) }) { return pieces }
            room /= 2
        }
        return []
    }

    /// The same whenever the line is read.
    private static func pieceID(_ line: ShippedLine) -> String {
        let digest = SHA256.hash(data: Array(line.position.key.utf8))
        return digest.map { (byte: UInt8) in String(UInt16(clamping: byte) + 0x100, radix: 16).dropFirst() }.joined()
    }

    private static func fits(_ message: [UInt8], _ compression: Deflater.Container?, _ level: Int) -> Bool {
        if message.count <= GelfChunks.longestMessage { return true }
        // So long a line is rare, and compressing it twice costs less than a state of zlib's for each container.
        guard let compression, let deflater = Deflater(compression, level: level) else { return false }
        return deflater.compress(message).map { $0.count <= GelfChunks.longestMessage } ?? false
    }

    // MARK: Rows

    static func row(_ messages: [[UInt8]]) -> [UInt8] {
        var row: [UInt8] = []
        for message in messages {
            withUnsafeBytes(of: UInt32(clamping: message.count).bigEndian) { row += $0 }
            row += message
        }
        return row
    }

    static func messages(of row: [UInt8]) -> [ArraySlice<UInt8>] {
        var rest = row[...]
        var messages: [ArraySlice<UInt8>] = []
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int(clamping: $1) }
            rest = rest.dropFirst(4)
            messages.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return messages
    }
}
