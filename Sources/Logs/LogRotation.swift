import Glibc
import LinuxSystem

extension LogSegments {
    /// Takes up what conmon has done: gives a file that is full its number, the present one its second name, and removes the oldest beyond
    /// `count` files in all. Not twice at once for one log. Blocks.
    /// - Returns: How many bytes the present file has.
    @discardableResult
    package func takeUp(count: Int) throws -> Int64 {
        guard let present = try Files.status(path) else { return 0 }
        if let earlier = try Files.status(kept), FileIdentity(earlier) != FileIdentity(present) {
            try number(kept, count: count)
        }
        // Whichever conmon writes by now: one that was full in between is lost, and what is left stays in order.
        if try Files.status(kept) == nil { try check(link(path, kept), "give \(path) a second name") }
        // conmon ends when it cannot make a new file, as on a full disk: it takes one that is there.
        if try Files.status(begun) == nil { _ = try Descriptor.open(begun, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600) }
        return Int64(clamping: present.st_size)
    }

    /// Begins anew where a file has grown to `limit` bytes; for a log that nobody writes. Blocks.
    /// - Returns: After how many bytes a monitor that is started now is to begin a new file. It does so every time, and a few bytes are not
    ///   worth a file: the first may come to be half as long again as the limit.
    package func settle(limit: Int64, count: Int) throws -> Int64 {
        let size = try takeUp(count: count)
        guard size >= limit else { return max(1, limit - size, limit / 2) }
        try number(path, count: count)
        try Files.remove(kept)
        return limit
    }

    /// Gives a file that is full its number. The oldest goes before: there is never one more than need be.
    private func number(_ file: String, count: Int) throws {
        let numbers = try self.numbers()
        for number in numbers.dropLast(max(0, count - 2)) {
            // In this order none comes again by being packed.
            try Files.remove(packed(number))
            try Files.remove(rotated(number))
        }
        if count > 1 { try Files.rename(file, to: rotated((numbers.last ?? 0) + 1)) } else { try Files.remove(file) }
    }
}
