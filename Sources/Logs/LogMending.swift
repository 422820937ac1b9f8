import Glibc
import LinuxSystem

extension LogSegments {
    /// Ends a line that was left without its end, so that the next one does not go on in it. Only while nobody writes. Blocks.
    package func mend() throws {
        guard let file = try Descriptor.openIfThere(path, O_RDWR | O_APPEND) else { return }
        var status = stat()
        try check(fstat(file.raw, &status), "stat \(path)")
        guard status.st_size > 0 else { return }
        var last: UInt8 = 0
        let at = status.st_size - 1
        _ = try retrying("read a log") { pread(file.raw, &last, 1, at) }
        if last != UInt8(ascii: "\n") { try file.writeAll(Array("\n".utf8) + Self.tornMark + Array("\n".utf8)) }
    }

    /// A line that conmon does not write: the one before it was torn.
    static let tornMark = Array("# torn".utf8)
}
