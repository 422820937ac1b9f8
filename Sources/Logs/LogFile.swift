import Glibc
import LinuxSystem
import Synchronization

/// One file of a log, open to be read: as conmon has written it, or packed. Offsets are those of what conmon wrote, whichever it is. All calls
/// block.
final class LogFile: Sendable {
    private struct Members {
        /// Where members begin, as far as they have been passed.
        var starts: [Int64] = [0]
        /// The member at the end of ``starts`` cannot be told from damage: nothing behind it is found.
        var isCut = false
        /// The one that was unpacked last.
        var last: (index: Int, bytes: [UInt8])?
        /// Where they begin, if the file says so, once that has been looked for.
        var table: PackedIndex??
    }

    private let descriptor: Descriptor
    /// Of the file itself.
    let identity: FileIdentity
    /// Of the file that conmon wrote, by which positions know it: the same, unless it has been packed.
    let origin: UInt64
    /// What a packed file was; `nil` for one that is as conmon has written it.
    private let packed: Int64?
    private let members = Mutex(Members())

    /// - Parameter isPacked: The file's name says so.
    init(_ descriptor: consuming Descriptor, isPacked: Bool) throws {
        self.descriptor = descriptor
        var status = stat()
        try check(fstat(self.descriptor.raw, &status), "stat a log")
        identity = FileIdentity(status)
        guard isPacked else {
            (packed, origin) = (nil, identity.inode)
            return
        }
        // One that has been given up is empty; of one whose beginning is damaged nothing is known.
        guard let head = try Self.head(self.descriptor.raw, at: 0) else {
            packed = min(Int64(clamping: status.st_size), Int64(clamping: PackedForm.blockBytes))
            origin = identity.inode
            return
        }
        // Nothing is packed to less than a 1032th (zlib's technical details): a larger one is damage.
        let most = Int64(clamping: status.st_size).multipliedReportingOverflow(by: 1100)
        packed = min(Int64(clamping: head.total), most.overflow ? .max : most.partialValue)
        origin = head.origin
    }

    /// Bytes that conmon has written so far. Of a damaged file it may be less than this.
    func size() throws -> Int64 {
        if let packed { return packed }
        var status = stat()
        try check(fstat(descriptor.raw, &status), "stat a log")
        return Int64(clamping: status.st_size)
    }

    /// Whether its name is gone.
    func isRemoved() throws -> Bool {
        var status = stat()
        try check(fstat(descriptor.raw, &status), "stat a log")
        return status.st_nlink == 0
    }

    /// What is there at an offset, at most as much as there is room for; 0 at the end. Of what is damaged in a packed file zeros are given, which
    /// a log does not have.
    func read(into room: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        guard let base = room.baseAddress, offset >= 0 else { return 0 }
        guard let packed else {
            let at = off_t(clamping: offset)
            return try retrying("read a log") { pread(descriptor.raw, base, room.count, at) }
        }
        guard offset < packed else { return 0 }
        let block = Int64(clamping: PackedForm.blockBytes)
        let bytes = try member(Int(clamping: offset / block), of: packed)
        let found = bytes.dropFirst(Int(clamping: offset % block)).prefix(room.count)
        found.withUnsafeBytes { room.copyMemory(from: $0) }
        return found.count
    }

    /// The same as an array of at most so many bytes.
    func read(_ count: Int, at offset: Int64) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: max(0, count)) { room, filled in
            filled = try read(into: UnsafeMutableRawBufferPointer(room), at: offset)
        }
    }

    /// The stamp that the file begins with; empty where there is none.
    func beginning() throws -> String {
        let head = try read(Self.longestStamp, at: 0)
        guard let blank = head.firstIndex(of: 32) else { return "" }
        return String(decoding: head[..<blank], as: UTF8.self)
    }

    /// No stamp of conmon's is longer.
    private static let longestStamp = 40

    // MARK: Members

    private func member(_ index: Int, of total: Int64) throws -> [UInt8] {
        try members.withLock { members in
            if let last = members.last, last.index == index { return last.bytes }
            guard let start = try start(of: index, total, &members) else { return [] }
            let before = Int64(clamping: index).multipliedReportingOverflow(by: Int64(clamping: PackedForm.blockBytes))
            let rest = before.overflow ? 0 : Int(clamping: max(0, total - before.partialValue))
            let wanted = min(rest, PackedForm.blockBytes)
            var bytes = [UInt8](repeating: 0, count: wanted)
            if let head = try Self.head(descriptor.raw, at: start), Int(clamping: head.plain) == wanted {
                let body = try Self.bytes(
                    descriptor.raw, Int(clamping: head.length) - PackedForm.Head.bytes,
                    at: start + Int64(clamping: PackedForm.Head.bytes))
                bytes = PackedForm.unpacked(body[...], head) ?? bytes
            }
            members.last = (index, bytes)
            return bytes
        }
    }

    /// Where a member begins; `nil` where what is before it cannot be told from damage.
    private func start(of index: Int, _ total: Int64, _ members: inout Members) throws -> Int64? {
        if index >= PackedIndex.leastMembers, let (known, place) = try table(total, &members)?.nearest(to: index) {
            var start = place
            for _ in known..<index {
                guard let head = try Self.head(descriptor.raw, at: start) else { return nil }
                start += Int64(clamping: head.length)
            }
            return start
        }
        while members.starts.count <= index, !members.isCut, let last = members.starts.last {
            if let head = try Self.head(descriptor.raw, at: last) {
                members.starts.append(last + Int64(clamping: head.length))
            } else {
                members.isCut = true
            }
        }
        return members.starts.indices.contains(index) ? members.starts[index] : nil
    }

    private func table(_ total: Int64, _ members: inout Members) throws -> PackedIndex? {
        if let looked = members.table { return looked }
        var found: PackedIndex?
        var status = stat()
        try check(fstat(descriptor.raw, &status), "stat a log")
        let size = Int64(clamping: status.st_size)
        let end = try Self.bytes(
            descriptor.raw, PackedIndex.endBytes, at: max(0, size - Int64(clamping: PackedIndex.endBytes)))
        if let length = PackedIndex.length(end[...]), Int64(clamping: length) <= size {
            found = PackedIndex(try Self.bytes(descriptor.raw, length, at: size - Int64(clamping: length))[...])
        }
        if let index = found, index.origin != origin || index.total != UInt64(clamping: total) { found = nil }
        members.table = .some(found)
        return found
    }

    private static func head(_ descriptor: CInt, at start: Int64) throws -> PackedForm.Head? {
        PackedForm.Head(try bytes(descriptor, PackedForm.Head.bytes, at: start)[...])
    }

    /// As many as there are.
    private static func bytes(_ descriptor: CInt, _ count: Int, at start: Int64) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: max(0, count)) { room, filled in
            filled = 0
            while filled < room.count, let base = room.baseAddress {
                let (at, done) = (off_t(clamping: start) + off_t(clamping: filled), filled)
                let got = try retrying("read a packed log") { pread(descriptor, base + done, room.count - done, at) }
                if got == 0 { break }
                filled += got
            }
        }
    }
}
