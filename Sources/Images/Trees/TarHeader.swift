package import Glibc

/// What an archive says of one file before its content, in the ustar format, with a pax header before it for what does not
/// fit (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"). Pure.
package struct TarHeader: Sendable, Equatable {
    /// The entry's type as the header spells it (`typeflag`).
    package enum Kind: UInt8, Sendable {
        case regular = 0x30
        case hardLink, symbolicLink, characterDevice, blockDevice, directory, fifo
    }

    package static let blockBytes = 512
    private static let paxHeader: UInt8 = 0x78
    /// The largest numbers of the fields of seven and of eleven octal digits.
    private static let largestShort: UInt64 = 0o7777777
    private static let largestLong: UInt64 = 0o77777777777
    private static let nameBytes = 100

    /// Without a leading slash; a directory's ends with one.
    package var path: [UInt8]
    package var kind: Kind
    /// Permission bits, the set-id bits and the sticky one; no file type.
    package var mode: mode_t = 0o644
    /// Of the file, in numbers; names are not written.
    package var owner: uid_t = 0
    /// The same.
    package var group: gid_t = 0
    /// Bytes of content that follow.
    package var size: UInt64 = 0
    /// Seconds since 1970; fractions are dropped, as Docker does.
    package var modified: Int64 = 0
    /// Of links.
    package var target: [UInt8] = []
    /// Of character and block devices.
    package var device: (major: UInt32, minor: UInt32) = (0, 0)
    /// Extended attributes by their names, as in `security.capability`.
    package var attributes: [String: [UInt8]] = [:]

    package init(path: [UInt8], kind: Kind) {
        self.kind = kind
        self.path = path
    }

    package static func == (left: Self, right: Self) -> Bool { left.bytes == right.bytes }

    /// Whole blocks: the header, and the pax header and its records before it where there are any.
    package var bytes: [UInt8] {
        var records: [UInt8] = []
        if path.count > Self.nameBytes { records += Self.record("path", path) }
        if target.count > Self.nameBytes { records += Self.record("linkpath", target) }
        if size > Self.largestLong { records += Self.record("size", Array("\(size)".utf8)) }
        if UInt64(clamping: owner) > Self.largestShort { records += Self.record("uid", Array("\(owner)".utf8)) }
        if UInt64(clamping: group) > Self.largestShort { records += Self.record("gid", Array("\(group)".utf8)) }
        if modified < 0 || UInt64(clamping: modified) > Self.largestLong {
            records += Self.record("mtime", Array("\(modified)".utf8))
        }
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            records += Self.record("SCHILY.xattr.\(name)", value)
        }
        guard !records.isEmpty else { return block(kind.rawValue, path: path, size: size) }
        let name = Array("PaxHeaders.0/".utf8) + (path.split(separator: 0x2f).last ?? []).prefix(Self.nameBytes - 13)
        return block(Self.paxHeader, path: name, size: UInt64(clamping: records.count))
            + records + Self.padding(after: UInt64(clamping: records.count))
            + block(kind.rawValue, path: path, size: size)
    }

    /// What fills the last block of a content.
    package static func padding(after size: UInt64) -> [UInt8] {
        let rest = Int(clamping: size % UInt64(clamping: blockBytes))
        return rest == 0 ? [] : [UInt8](repeating: 0, count: blockBytes - rest)
    }

    /// What ends an archive.
    package static var end: [UInt8] { [UInt8](repeating: 0, count: 2 * blockBytes) }

    /// `LENGTH KEY=VALUE\n`, where the length counts itself.
    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0a]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        return Array("\(length)".utf8) + rest
    }

    private func block(_ flag: UInt8, path: [UInt8], size: UInt64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockBytes)
        func put(_ bytes: some Collection<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func number(_ value: UInt64, digits: Int, at offset: Int) {
            let largest = UInt64(1) << UInt64(clamping: 3 * digits) - 1
            let text = String(min(value, largest), radix: 8)
            put(Array((String(repeating: "0", count: digits - text.utf8.count) + text).utf8), at: offset)
        }
        put(path.prefix(Self.nameBytes), at: 0)
        number(UInt64(clamping: mode & 0o7777), digits: 7, at: 100)
        number(UInt64(clamping: owner), digits: 7, at: 108)
        number(UInt64(clamping: group), digits: 7, at: 116)
        number(size, digits: 11, at: 124)
        number(UInt64(clamping: max(0, modified)), digits: 11, at: 136)
        block[156] = flag
        put(target.prefix(Self.nameBytes), at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        number(UInt64(clamping: device.major), digits: 7, at: 329)
        number(UInt64(clamping: device.minor), digits: 7, at: 337)
        // The sum counts its own field as spaces.
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        number(block.reduce(UInt64(0)) { $0 + UInt64(clamping: $1) }, digits: 6, at: 148)
        block[154] = 0
        return block
    }
}
