import Glibc
import LinuxSystem

/// The files of one log, in the order in which they were written: `PATH.1`, `PATH.2`… and `PATH`, which is being written.
///
/// conmon begins a new file by itself when one is full, under a name of its own that it then renames to `PATH`. So that the full one stays
/// it has a second name, `PATH.kept`, from its beginning.
package struct LogSegments: Sendable, Equatable {
    package let path: String

    package init(path: String) { self.path = path }

    package var directory: String { Files.parent(of: path) }
    private var name: Substring { path.split(separator: "/").last ?? "" }

    /// The second name of the file that is being written, or was before conmon began the present one.
    var kept: String { path + ".kept" }
    /// What conmon calls a new file before it is the log.
    var begun: String { path + ".tmp" }

    /// The numbers of the rotated files, oldest first. Blocks.
    package func numbers() throws -> [Int] {
        let prefix = name + "."
        return try Files.list(directory).compactMap { file in
            guard file.hasPrefix(prefix) else { return nil }
            let digits = file.dropFirst(prefix.count)
            return digits.utf8.allSatisfy { (48...57).contains($0) } ? Int(digits, radix: 10) : nil
        }.sorted()
    }

    /// Where the file of a number is.
    package func rotated(_ number: Int) -> String { "\(path).\(number)" }

    /// One of the files, as it was called when it was looked for.
    struct Segment: Equatable {
        var path: String
        var identity: FileIdentity
        /// `nil` for one that is being written, or was a moment ago.
        var number: Int?
    }

    /// How often it is looked again, when files were renamed meanwhile.
    private static let mostLooks = 16

    /// The files that are there, oldest first, each once. Blocks.
    func present() throws -> [Segment] {
        var looks = 0
        while true {
            let numbers = try self.numbers()
            // The second name before the first: should conmon begin a new file in between, both are there.
            let names = numbers.map { (rotated($0), Optional($0)) } + [(kept, nil), (path, nil)]
            var found: [Segment] = []
            for (path, number) in names {
                guard let status = try Files.status(path) else { continue }
                let segment = Segment(path: path, identity: FileIdentity(status), number: number)
                if segment.path == self.path, found.last?.identity == segment.identity { _ = found.popLast() }
                found.append(segment)
            }
            looks += 1
            if looks == Self.mostLooks { return found }
            if try self.numbers() == numbers { return found }
        }
    }

    /// Opens one of the files, whatever it is called by now; `nil` when it is gone. Blocks.
    func open(_ segment: Segment) throws -> Descriptor? {
        var path: String? = segment.path
        for _ in 0..<Self.mostLooks {
            guard let name = path else { return nil }
            if let file = try Descriptor.openIfThere(name, O_RDONLY) {
                if try FileIdentity(of: file.raw) == segment.identity { return file }
            }
            path = try present().first { $0.identity == segment.identity }?.path
        }
        return nil
    }

    /// Removes them all; missing is fine. Blocks.
    package func remove() throws {
        for file in try numbers().map(rotated) + [kept, begun, path] { try Files.remove(file) }
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
