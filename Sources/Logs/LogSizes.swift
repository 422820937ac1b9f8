import Glibc
import LinuxSystem

extension LogSegments {
    /// A file that nobody writes any more.
    package struct Rotated: Sendable, Equatable {
        /// As in the file's name: the larger the newer.
        package var number: Int
        package var bytes: Int64
        /// When it was last written to, in nanoseconds since 1970.
        package var modified: Int64
        /// The last number that there is: the next file's follows from it.
        package var isNewest: Bool

        package init(number: Int, bytes: Int64, modified: Int64, isNewest: Bool) {
            self.bytes = bytes
            self.isNewest = isNewest
            self.modified = modified
            self.number = number
        }
    }

    /// What the files take.
    package struct Sizes: Sendable, Equatable {
        /// Of files that are written, or that have no number yet.
        package var present: Int64 = 0
        /// Oldest first.
        package var rotated: [Rotated] = []

        /// Bytes of all files.
        package var total: Int64 { rotated.reduce(present) { $0 + $1.bytes } }
    }

    /// Files that vanish meanwhile do not count. Blocks.
    package func sizes() throws -> Sizes {
        var sizes = Sizes()
        let present = try Files.status(path)
        if let present { sizes.present = Int64(clamping: present.st_size) }
        // Usually a second name of the same file.
        if let earlier = try Files.status(kept), earlier.st_ino != present?.st_ino {
            sizes.present += Int64(clamping: earlier.st_size)
        }
        let numbers = try self.numbers()
        sizes.rotated = try numbers.compactMap { number in
            guard let status = try Files.status(rotated(number)) else { return nil }
            let time = status.st_mtim
            return Rotated(
                number: number, bytes: Int64(clamping: status.st_size),
                modified: Int64(clamping: time.tv_sec) &* 1_000_000_000 &+ Int64(clamping: time.tv_nsec),
                isNewest: number == numbers.last)
        }
        return sizes
    }

    /// Gives up what a rotated file has. The newest one stays without content, so that no number comes twice. Missing is fine. Blocks.
    package func drop(_ file: Rotated) throws {
        guard file.isNewest else { return try Files.remove(rotated(file.number)) }
        guard let open = try Descriptor.openIfThere(rotated(file.number), O_WRONLY) else { return }
        try check(ftruncate(open.raw, 0), "empty \(rotated(file.number))")
    }
}
