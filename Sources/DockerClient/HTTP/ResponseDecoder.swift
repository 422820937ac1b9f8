/// The head of an answer.
package struct ResponseHead: Sendable, Equatable {
    /// Of HTTP.
    package var status = 0
    package var reason = ""
    /// Names in lower case.
    package var headers: [String: String] = [:]
}

/// An answer that is not HTTP/1.1, RFC 9112.
package struct MalformedAnswer: Error, CustomStringConvertible {
    package let description: String
}

/// Cuts what a connection brings into a head and a body: counted, chunked, or all that comes until the end.
package struct ResponseDecoder {
    static let largestHead = 256 << 10

    /// What comes one after another: a head, pieces of a body, the end.
    package enum Event: Equatable {
        case head(ResponseHead)
        case body([UInt8])
        case end
    }

    private enum State: Equatable {
        case head
        case counted(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailer
        /// To the connection's end: also what follows an upgrade.
        case open
        case done
    }

    private var state = State.head
    private var buffer: [UInt8] = []
    private var start = 0
    private let isHead: Bool

    /// - Parameter isHead: The request was `HEAD`: no body follows, whatever the headers say.
    package init(isHead: Bool = false) { self.isHead = isHead }

    /// Adds what the connection brought.
    package mutating func feed(_ bytes: [UInt8]) {
        if start > 0 {
            buffer.removeSubrange(buffer.indices.prefix(start))
            start = 0
        }
        buffer += bytes
    }

    /// The next event that is whole; `nil` when more bytes are needed.
    package mutating func next() throws(MalformedAnswer) -> Event? {
        while true {
            switch state {
            case .head:
                guard let head = try takeHead() else { return nil }
                if head.status < 200, head.status != 101 { continue }
                state = try bodyState(head)
                return .head(head)
            case .counted(0):
                state = .done
                return .end
            case .counted(let count):
                guard let bytes = take(atMost: count) else { return nil }
                state = .counted(count - bytes.count)
                return .body(bytes)
            case .chunkSize:
                guard let line = takeLine() else { return nil }
                let digits = line.prefix { $0 != ";" }.filter { $0 != " " }
                guard let count = Int(digits, radix: 16), count >= 0 else { throw Self.malformed("chunk size \(line)") }
                state = count == 0 ? .trailer : .chunk(count)
            case .chunk(let count):
                guard let bytes = take(atMost: count) else { return nil }
                state = bytes.count == count ? .chunkEnd : .chunk(count - bytes.count)
                return .body(bytes)
            case .chunkEnd:
                guard let line = takeLine() else { return nil }
                guard line.isEmpty else { throw Self.malformed("end of a chunk") }
                state = .chunkSize
            case .trailer:
                guard let line = takeLine() else { return nil }
                if line.isEmpty {
                    state = .done
                    return .end
                }
            case .open: return take(atMost: .max).map { .body($0) }
            case .done: return nil
            }
        }
    }

    /// The connection has ended.
    package func finish() throws(MalformedAnswer) {
        switch state {
        case .open, .done: return
        case .head where buffer.count == start: throw Self.malformed("the connection ended without an answer")
        default: throw Self.malformed("the connection ended in the middle of an answer")
        }
    }

    private static func malformed(_ what: String) -> MalformedAnswer { MalformedAnswer(description: what) }

    private func bodyState(_ head: ResponseHead) throws(MalformedAnswer) -> State {
        if head.status == 101 { return .open }
        if isHead || head.status == 204 || head.status == 304 { return .counted(0) }
        if head.headers["transfer-encoding"]?.lowercased().hasSuffix("chunked") == true { return .chunkSize }
        guard let length = head.headers["content-length"] else { return .open }
        guard let count = Int(length), count >= 0 else { throw Self.malformed("content length \(length)") }
        return .counted(count)
    }

    private mutating func take(atMost count: Int) -> [UInt8]? {
        guard start < buffer.count else { return nil }
        let end = start + min(count, buffer.count - start)
        defer { start = end }
        return Array(buffer.prefix(end).dropFirst(start))
    }

    private mutating func takeLine() -> String? {
        guard let end = buffer.dropFirst(start).firstIndex(of: 0x0a) else { return nil }
        var line = buffer.prefix(end).dropFirst(start)
        if line.last == 0x0d { line = line.dropLast() }
        start = end + 1
        return String(decoding: line, as: UTF8.self)
    }

    private mutating func takeHead() throws(MalformedAnswer) -> ResponseHead? {
        guard let end = buffer.dropFirst(start).firstRange(of: Array("\r\n\r\n".utf8)) else {
            guard buffer.count - start <= Self.largestHead else { throw Self.malformed("a head without an end") }
            return nil
        }
        let lines = String(decoding: buffer.prefix(end.lowerBound).dropFirst(start), as: UTF8.self).split(
            separator: "\r\n")
        start = end.upperBound
        let elements = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard elements.count >= 2, elements[0].hasPrefix("HTTP/1."), let status = Int(elements[1]) else {
            throw Self.malformed("not HTTP")
        }
        var head = ResponseHead(status: status, reason: elements.count > 2 ? String(elements[2]) : "")
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw Self.malformed("header \(line)") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            head.headers[line[..<colon].lowercased()] = String(value)
        }
        return head
    }
}
