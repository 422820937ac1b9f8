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
        /// Part of it: of a file that is full and has no number yet.
        var full: Int64 = 0
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
            sizes.full = Int64(clamping: earlier.st_size)
            sizes.present += sizes.full
        }
        let numbers = try self.numbers()
        sizes.rotated = try numbers.compactMap { number in
            // Both for a moment, while one takes the other's place.
            let files = try [rotated(number), packed(number)].compactMap { try Files.status($0) }
            guard let time = files.first?.st_mtim else { return nil }
            return Rotated(
                number: number, bytes: files.reduce(0) { $0 + Int64(clamping: $1.st_size) },
                modified: time.nanoseconds, isNewest: number == numbers.last)
        }
        return sizes
    }

    /// What an earlier look has found, for as long as the directory is as it was.
    package struct KnownSize: Sendable {
        /// When names in the directory last changed, in nanoseconds since 1970.
        fileprivate var changed: Int64
        /// Bytes of what changes no more without a change of names: of all files but the one that is written and the newest of the others.
        fileprivate var others: Int64
        /// It may be emptied (``drop(_:)``). `nil` where there is none.
        fileprivate var newest: String?
    }

    /// A change of names that is no older may be followed by another one at the same time, as file systems count it.
    private static let settledAfter: Int64 = 1_000_000_000

    /// Bytes of all files, as ``sizes()`` tells them: `nil` without a log. Where no file has come, gone or got another name since the last look, only
    /// those are looked at that may have changed. Blocks.
    /// - Parameter known: Of the last look; `nil` for the first.
    package func total(_ known: inout KnownSize?) throws -> Int64? {
        guard let present = try Files.status(path), let place = try Files.status(directory) else {
            known = nil
            return nil
        }
        let changed = place.st_mtim.nanoseconds
        if let known, known.changed == changed {
            let newest = try known.newest.flatMap { try Files.status($0) }
            return Int64(clamping: present.st_size) + known.others + Int64(clamping: newest?.st_size ?? 0)
        }
        known = nil
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let sizes = try self.sizes()
        if now.nanoseconds &- changed > Self.settledAfter {
            var newest: String?
            if let last = sizes.rotated.last {
                newest = Files.exists(rotated(last.number)) ? rotated(last.number) : packed(last.number)
            }
            known = KnownSize(
                changed: changed, others: sizes.rotated.dropLast().reduce(sizes.full) { $0 + $1.bytes }, newest: newest)
        }
        return sizes.total
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
