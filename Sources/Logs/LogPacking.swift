import Glibc
import LinuxSystem

extension LogSegments {
    /// A rotated file that has been packed and does not take its place yet.
    package struct Packing: Sendable, Equatable {
        fileprivate var number: Int
        fileprivate var identity: FileIdentity
    }

    /// Finishes or undoes what an earlier instance of the daemon was packing. Not while the log's files are numbered, nor while it is packed. Blocks.
    package func settlePacking() throws {
        try Files.remove(packing)
        for number in try numbers() where try Files.status(packed(number)) != nil {
            // It came to its place whole.
            try Files.remove(rotated(number))
        }
    }

    /// The numbers of the files that have content and are not packed, oldest first. Blocks.
    package func unpacked() throws -> [Int] {
        try numbers().filter { try (Files.status(rotated($0))?.st_size ?? 0) > 0 }
    }

    /// When a file that is not packed was last written to, in nanoseconds since 1970; `nil` when it is gone. Blocks.
    package func modified(_ number: Int) throws -> Int64? {
        try Files.status(rotated(number))?.st_mtim.nanoseconds
    }

    /// Packs a rotated file beside it, some 300 KB at a time. One at a time for one log. Blocks.
    /// - Parameter isWanted: Asked in between: whether to go on.
    /// - Returns: `nil` when it is gone, or not wanted any more.
    package func pack(_ number: Int, while isWanted: () -> Bool) throws -> Packing? {
        guard let descriptor = try Descriptor.openIfThere(rotated(number), O_RDONLY) else { return nil }
        var status = stat()
        try check(fstat(descriptor.raw, &status), "stat a log")
        let file = try LogFile(descriptor, isPacked: false)
        let size = Int64(clamping: status.st_size)
        guard size > 0 else { return nil }
        do {
            let target = try Descriptor.open(packing, O_WRONLY | O_CREAT | O_TRUNC)
            guard let packer = MemberPacker(total: UInt64(clamping: size), origin: file.origin) else {
                throw LogError("there is no memory to pack a log")
            }
            var offset: Int64 = 0
            var (members, written) = ([Int64](), Int64(0))
            while offset < size {
                guard isWanted() else {
                    try Files.remove(packing)
                    return nil
                }
                let block = try file.whole(
                    Int(clamping: min(Int64(clamping: PackedForm.blockBytes), size - offset)), offset)
                guard let block, let member = packer.member(block) else { throw LogError("a log could not be packed") }
                try target.writeAll(member)
                members.append(written)
                written += Int64(clamping: member.count)
                offset += Int64(clamping: block.count)
            }
            if members.count >= PackedIndex.leastMembers {
                let index = PackedIndex(members: members, total: UInt64(clamping: size), origin: file.origin)
                try target.writeAll(index.encoded)
            }
            // When it was last written to says which of a node's logs are the oldest.
            let times = [status.st_atim, status.st_mtim]
            try check(futimens(target.raw, times), "date a packed log")
            // The file itself goes afterwards: this one has to be on the disk.
            try check(fdatasync(target.raw), "sync a packed log")
        } catch {
            try? Files.remove(packing)  // Else the next one is written over it.
            throw error
        }
        return Packing(number: number, identity: file.identity)
    }

    /// Puts what has been packed in the file's place, unless that is gone. Not while the log's files are numbered. Blocks.
    package func commit(_ packing: Packing) throws {
        guard let status = try Files.status(rotated(packing.number)), FileIdentity(status) == packing.identity,
            status.st_size > 0
        else { return try Files.remove(self.packing) }
        try Files.rename(self.packing, to: packed(packing.number))
        try Files.remove(rotated(packing.number))
    }
}

extension LogFile {
    /// So many bytes; `nil` where there are fewer.
    fileprivate func whole(_ count: Int, _ offset: Int64) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let more = try read(count - bytes.count, at: offset + Int64(clamping: bytes.count))
            if more.isEmpty { return nil }
            bytes += more
        }
        return bytes
    }
}
