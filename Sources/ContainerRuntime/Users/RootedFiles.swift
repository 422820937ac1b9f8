import CLinux
import Glibc
import LinuxSystem

/// Reads files of a container's root directory without ever leaving it: symbolic links are followed as if the
/// directory were `/`, one component at a time by descriptor, so that a running container cannot lead us out.
struct RootedFiles {
    /// As many links as the kernel follows (path_resolution(7)).
    private static let maximumLinks = 40
    private static let maximumDepth = 256

    let root: String

    /// A regular file's content; `nil` when there is none of that name.
    func read(_ path: String, limit: Int) throws -> [UInt8]? {
        guard let found = try open(path) else { return nil }
        var status = stat()
        try check(fstat(found.raw, &status), "stat \(path)")
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        return try Descriptor.open("/proc/thread-self/fd/\(found.raw)", O_RDONLY | O_NONBLOCK).readToEnd(limit: limit)
    }

    private func open(_ path: String) throws -> Descriptor? {
        // Descriptors of the directories on the way; the first is the root and never left.
        var way: [CInt] = [try Descriptor.naming(root).release()]
        defer { for raw in way { close(raw) } }
        var rest = Array(path.split(separator: "/").map(String.init).reversed())
        var links = 0
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                if way.count > 1, let last = way.popLast() { close(last) }
                continue
            }
            guard let directory = way.last, way.count < Self.maximumDepth else { return nil }
            let raw = openat(directory, name, clinux_o_path | O_NOFOLLOW | O_CLOEXEC)
            guard raw >= 0 else {
                let number = errno
                if number == ENOENT || number == ENOTDIR { return nil }
                throw SystemError(errno: number, attempting: "open \(path) in \(root)")
            }
            var status = stat()
            guard fstat(raw, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
                way.append(raw)
                continue
            }
            defer { close(raw) }
            links += 1
            guard links <= Self.maximumLinks, let target = Self.target(of: raw) else { return nil }
            if target.hasPrefix("/") { while way.count > 1, let last = way.popLast() { close(last) } }
            rest += target.split(separator: "/").map(String.init).reversed()
        }
        guard way.count > 1, let last = way.popLast() else { return nil }
        return Descriptor(owning: last)
    }

    private static func target(of link: CInt) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = buffer.withUnsafeMutableBytes { bytes in
            bytes.assumingMemoryBound(to: CChar.self).baseAddress.map { readlinkat(link, "", $0, bytes.count) } ?? -1
        }
        return length > 0 ? String(decoding: buffer.prefix(length), as: UTF8.self) : nil
    }
}
