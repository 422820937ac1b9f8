import Templates

/// One file in a tar archive. Formats: ustar (POSIX.1-1988), pax headers for what does not fit it (POSIX.1-2001), and GNU's
/// long names when reading.
package struct TarEntry: Sendable, Equatable {
    /// What an entry is.
    package enum Kind: UInt8, Sendable {
        case file = 0x30
        case hardLink = 0x31
        case link = 0x32
        case characterDevice = 0x33
        case blockDevice = 0x34
        case folder = 0x35
        case fifo = 0x36
    }

    package var name: String
    package var kind: Kind
    /// Permission bits.
    package var mode: UInt32
    /// A number.
    package var owner: UInt32 = 0
    /// A number.
    package var group: UInt32 = 0
    /// Bytes that follow; 0 for all but files.
    package var size: Int64 = 0
    /// Seconds since 1970.
    package var modified: Int64 = 0
    package var target = ""

    package init(name: String, kind: Kind, mode: UInt32) {
        self.name = name
        self.kind = kind
        self.mode = mode
    }
}

/// The archives of POSIX.1-2001 `pax` and of GNU tar, as far as an engine sends and takes them.
package enum TarFormat {
    /// Bytes of a header, and what contents are filled up to.
    package static let block = 512
    /// What ends an archive.
    package static let end = [UInt8](repeating: 0, count: 2 * block)

    /// The zeros behind a file's bytes.
    package static func padding(_ size: Int64) -> [UInt8] {
        [UInt8](repeating: 0, count: (block - Int(size % Int64(block))) % block)
    }

    /// The header of an entry, with a pax header before it when its names or size need one.
    package static func header(_ entry: TarEntry) -> [UInt8] {
        var records: [(String, String)] = []
        if entry.name.utf8.count > 100 { records.append(("path", entry.name)) }
        if entry.target.utf8.count > 100 { records.append(("linkpath", entry.target)) }
        if entry.size >= 1 << 33 { records.append(("size", "\(entry.size)")) }
        guard !records.isEmpty else { return plain(entry, type: entry.kind.rawValue) }
        let body = Array(records.map { record($0.0, $0.1) }.joined().utf8)
        var extra = TarEntry(name: "pax", kind: .file, mode: 0o644)
        extra.size = Int64(body.count)
        return plain(extra, type: 0x78) + body + padding(extra.size) + plain(entry, type: entry.kind.rawValue)
    }

    /// `length name=value\n`, where the length counts its own digits.
    private static func record(_ name: String, _ value: String) -> String {
        let rest = " \(name)=\(value)\n"
        var length = rest.utf8.count
        while length != rest.utf8.count + String(length).count { length = rest.utf8.count + String(length).count }
        return "\(length)\(rest)"
    }

    private static func plain(_ entry: TarEntry, type: UInt8) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at start: Int, _ room: Int) {
            for (index, byte) in text.utf8.prefix(room).enumerated() { header[start + index] = byte }
        }
        func octal(_ value: Int64, at start: Int, _ room: Int) {
            let digits = String(max(0, value), radix: 8).suffix(room - 1)
            put(String(repeating: "0", count: room - 1 - digits.count) + digits, at: start, room)
        }
        put(entry.name, at: 0, 100)
        octal(Int64(entry.mode), at: 100, 8)
        octal(Int64(entry.owner), at: 108, 8)
        octal(Int64(entry.group), at: 116, 8)
        octal(entry.size < 1 << 33 ? entry.size : 0, at: 124, 12)
        octal(entry.modified, at: 136, 12)
        put("        ", at: 148, 8)
        header[156] = type
        put(entry.target, at: 157, 100)
        put("ustar", at: 257, 6)
        put("00", at: 263, 2)
        let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
        octal(sum, at: 148, 7)
        header[155] = 0x20
        return header
    }
}

/// Takes an archive apart as it comes.
package struct TarReader {
    /// What an archive holds, one after another.
    package enum Event: Equatable {
        case entry(TarEntry)
        /// Bytes of the file told last.
        case bytes([UInt8])
    }

    private enum State: Equatable {
        case header
        case file(Int64)
        case skip(Int64)
        /// A header about the next entry: its type, and what is still missing.
        case extra(UInt8, Int)
        case done
    }

    static let largestExtra = 1 << 20

    private var state = State.header
    private var buffer: [UInt8] = []
    private var records: [String: String] = [:]

    package init() {}

    /// - Returns: What is whole now.
    /// - Throws: `ValueError` for what is no archive.
    package mutating func feed(_ bytes: [UInt8]) throws(ValueError) -> [Event] {
        buffer += bytes
        var events: [Event] = []
        var start = 0
        loop: while start < buffer.count {
            let available = buffer.count - start
            switch state {
            case .done: start = buffer.count
            case .file(0), .skip(0): state = .header
            case .skip(let count):
                let taken = min(Int64(available), count)
                start += Int(taken)
                state = .skip(count - taken)
            case .file(let count):
                let taken = min(Int64(available), count)
                events.append(.bytes(Array(buffer[start..<start + Int(taken)])))
                start += Int(taken)
                state = .file(count - taken)
                if taken == count { state = .skip(Int64(TarFormat.padding(lastSize).count)) }
            case .extra(let type, let size):
                let whole = size + TarFormat.padding(Int64(size)).count
                guard available >= whole else { break loop }
                try note(type, Array(buffer[start..<start + size]))
                start += whole
                state = .header
            case .header:
                guard available >= TarFormat.block else { break loop }
                let header = Array(buffer[start..<start + TarFormat.block])
                start += TarFormat.block
                if let entry = try read(header) { events.append(.entry(entry)) }
            }
        }
        buffer.removeFirst(start)
        return events
    }

    private var lastSize: Int64 = 0

    private mutating func note(_ type: UInt8, _ body: [UInt8]) throws(ValueError) {
        let text = String(decoding: body.prefix { $0 != 0 }, as: UTF8.self)
        switch type {
        case 0x4c: records["path"] = text
        case 0x4b: records["linkpath"] = text
        default:
            var rest = body[...]
            while let space = rest.firstIndex(of: 0x20),
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 1,
                length <= rest.count
            {
                let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
                let (name, value) = GoText.pair(String(decoding: record, as: UTF8.self))
                records[name] = value ?? ""
                rest = rest[(rest.startIndex + length)...]
            }
        }
    }

    private mutating func read(_ header: [UInt8]) throws(ValueError) -> TarEntry? {
        if header.allSatisfy({ $0 == 0 }) {
            state = .done
            return nil
        }
        func text(_ start: Int, _ room: Int) -> String {
            String(decoding: header[start..<start + room].prefix { $0 != 0 }, as: UTF8.self)
        }
        func number(_ start: Int, _ room: Int) throws(ValueError) -> Int64 {
            // GNU writes large numbers in base 256.
            if header[start] & 0x80 != 0 {
                return header[start + 1..<start + room].reduce(0) { ($0 << 8) | Int64($1) }
            }
            let digits = text(start, room).filter { $0 != " " }
            guard let value = digits.isEmpty ? 0 : Int64(digits, radix: 8) else {
                throw ValueError("not a tar archive")
            }
            return value
        }
        guard text(257, 5) == "ustar" else { throw ValueError("not a tar archive") }
        let type = header[156]
        var size = try number(124, 12)
        if let recorded = records["size"].flatMap({ Int64($0) }) { size = recorded }
        guard size >= 0 else { throw ValueError("not a tar archive") }
        if [0x78, 0x67, 0x4c, 0x4b].contains(type) {
            guard size <= Self.largestExtra else { throw ValueError("a tar header of \(size) bytes") }
            state = .extra(type, Int(size))
            return nil
        }
        let prefix = text(345, 155)
        let short = prefix.isEmpty ? text(0, 100) : "\(prefix)/\(text(0, 100))"
        let kind = TarEntry.Kind(rawValue: type) ?? .file
        var entry = TarEntry(
            name: records["path"] ?? short, kind: kind, mode: UInt32(truncatingIfNeeded: try number(100, 8) & 0o7777))
        entry.owner = UInt32(truncatingIfNeeded: try number(108, 8))
        entry.group = UInt32(truncatingIfNeeded: try number(116, 8))
        entry.modified = try number(136, 12)
        entry.target = records["linkpath"] ?? text(157, 100)
        entry.size = kind == .file ? size : 0
        records = [:]
        lastSize = entry.size
        state = entry.size > 0 ? .file(entry.size) : .header
        return entry
    }
}
