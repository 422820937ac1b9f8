import Glibc
import LinuxSystem

/// The files of one log, in the order in which they were written: `PATH.1`, `PATH.2`… and `PATH`, which is being written.
///
/// conmon begins a new file by itself when one is full, under a name of its own that it then renames to `PATH`. So that the full one stays
/// it has a second name, `PATH.kept`, from its beginning. A file that has a number may be packed, and is `PATH.3.gz` then; for a moment both are
/// there, with the same content.
package struct LogSegments: Sendable, Equatable {
    package let path: String

    package init(path: String) { self.path = path }

    package var directory: String { Files.parent(of: path) }
    private var name: Substring { path.split(separator: "/").last ?? "" }

    /// The second name of the file that is being written, or was before conmon began the present one.
    var kept: String { path + ".kept" }
    /// What conmon calls a new file before it is the log.
    var begun: String { path + ".tmp" }
    /// What is being packed, before it takes the place of what it was.
    var packing: String { path + ".packing" }

    /// The numbers of the rotated files, packed or not, oldest first. Blocks.
    package func numbers() throws -> [Int] {
        let prefix = name + "."
        let numbers = try Files.list(directory).compactMap { file -> Int? in
            guard file.hasPrefix(prefix) else { return nil }
            var digits = file.dropFirst(prefix.count)
            if digits.hasSuffix(Self.packedSuffix) { digits = digits.dropLast(Self.packedSuffix.count) }
            return digits.utf8.allSatisfy { (48...57).contains($0) } ? Int(digits, radix: 10) : nil
        }
        return Set(numbers).sorted()
    }

    private static let packedSuffix = ".gz"

    /// Where the file of a number is, unless it is packed.
    package func rotated(_ number: Int) -> String { "\(path).\(number)" }
    /// The same number's file as gzip: either this one is there or the other.
    package func packed(_ number: Int) -> String { rotated(number) + Self.packedSuffix }

    /// One of the files, as it was called when it was looked for.
    struct Segment: Equatable {
        var path: String
        var identity: FileIdentity
        /// `nil` for one that is being written, or was a moment ago.
        var number: Int?
        var isPacked = false
    }

    /// How often it is looked again, when files were renamed meanwhile.
    private static let mostLooks = 16

    /// The files that are there, oldest first, each once. Blocks.
    func present() throws -> [Segment] {
        var looks = 0
        while true {
            let numbers = try self.numbers()
            var found: [Segment] = []
            for number in numbers {
                // In this order one of them is there.
                if let status = try Files.status(rotated(number)) {
                    found.append(Segment(path: rotated(number), identity: FileIdentity(status), number: number))
                } else if let status = try Files.status(packed(number)) {
                    found.append(
                        Segment(
                            path: packed(number), identity: FileIdentity(status), number: number, isPacked: true))
                }
            }
            // The second name before the first: should conmon begin a new file in between, both are there.
            for path in [kept, path] {
                guard let status = try Files.status(path) else { continue }
                let segment = Segment(path: path, identity: FileIdentity(status), number: nil)
                if segment.path == self.path, found.last?.identity == segment.identity { _ = found.popLast() }
                found.append(segment)
            }
            looks += 1
            if looks == Self.mostLooks { return found }
            if try self.numbers() == numbers { return found }
        }
    }

    /// Opens one of the files, whatever it is called by now and whether it has been packed since; `nil` when it is gone. Blocks.
    func open(_ segment: Segment) throws -> LogFile? {
        var wanted: Segment? = segment
        for _ in 0..<Self.mostLooks {
            guard let look = wanted else { return nil }
            if let descriptor = try Descriptor.openIfThere(look.path, O_RDONLY) {
                let file = try LogFile(descriptor, isPacked: look.isPacked)
                if file.identity == segment.identity || (look.isPacked && look.isMade(from: segment, file)) {
                    return file
                }
            }
            let all = try present()
            // Of equal inodes the newest is meant: a number comes again once the file that had it has been packed.
            wanted =
                all.last { $0.identity == segment.identity }
                ?? all.last { one in
                    one.isPacked && (one.number == segment.number || segment.number == nil)
                }
        }
        return nil
    }

    /// Removes them all; missing is fine. Blocks.
    package func remove() throws {
        for file in try numbers().flatMap({ [rotated($0), packed($0)] }) + [packing, kept, begun, path] {
            try Files.remove(file)
        }
    }
}

extension LogSegments.Segment {
    /// Whether it, which is open, is what another one has become.
    func isMade(from other: LogSegments.Segment, _ file: LogFile) -> Bool {
        !other.isPacked && file.origin == other.identity.inode && (other.number == nil || other.number == number)
    }
}

/// Which file a path means at a moment, whatever its name.
struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    init(_ status: stat) {
        device = UInt64(clamping: status.st_dev)
        inode = UInt64(clamping: status.st_ino)
    }

    init(of descriptor: CInt) throws {
        var status = stat()
        try check(fstat(descriptor, &status), "stat a log")
        self.init(status)
    }
}
