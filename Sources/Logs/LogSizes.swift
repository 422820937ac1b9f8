import Glibc
import LinuxSystem

extension LogSegments {
    /// A file that nobody writes any more.
    package struct Rotated: Sendable, Equatable {
        /// As in the file's name: the larger the newer.
        package var number: Int
        /// On the disk: of a packed file what it has been packed to.
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
            // Both for a moment, while one takes the other's place.
            let files = try [rotated(number), packed(number)].compactMap { try Files.status($0) }
            guard let time = files.first?.st_mtim else { return nil }
            return Rotated(
                number: number, bytes: files.reduce(0) { $0 + Int64(clamping: $1.st_size) },
                modified: Int64(clamping: time.tv_sec) &* 1_000_000_000 &+ Int64(clamping: time.tv_nsec),
                isNewest: number == numbers.last)
        }
        return sizes
    }

    /// Gives up what a rotated file has. The newest one stays without content, so that no number comes twice. Missing is fine. Blocks.
    package func drop(_ file: Rotated) throws {
        for path in [packed(file.number), rotated(file.number)] {
            guard file.isNewest else {
                try Files.remove(path)
                continue
            }
            guard let open = try Descriptor.openIfThere(path, O_WRONLY) else { continue }
            try check(ftruncate(open.raw, 0), "empty \(path)")
        }
    }
}
