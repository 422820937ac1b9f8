import CLinux
package import Glibc

/// A directory whose paths are looked up as if it were the root: neither `..` nor a symbolic link leads out of it, also
/// while others rename things in it (openat2(2), RESOLVE_IN_ROOT). Calls block.
package final class RootedDirectory: Sendable {
    private let root: Descriptor

    /// - Throws: `SystemError` when there is no directory at the path.
    package init(_ path: String) throws(SystemError) { root = try Descriptor.open(path, O_RDONLY | O_DIRECTORY) }

    /// Opens what the path leads to; symbolic links are followed unless `flags` say otherwise of the last one.
    package func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(SystemError) -> Descriptor {
        Descriptor(
            owning: try retrying("open \(path) in a container") { clinux_open_in_root(root.raw, path, flags, mode) })
    }

    /// The same; `nil` when there is nothing of that name.
    package func openIfThere(_ path: String, _ flags: CInt) throws(SystemError) -> Descriptor? {
        do { return try open(path, flags) } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP { return nil }
            throw error
        }
    }

    /// A descriptor that only names it.
    package func naming(_ path: String, followingLinks: Bool = true) throws(SystemError) -> Descriptor? {
        try openIfThere(path, clinux_o_path | (followingLinks ? 0 : O_NOFOLLOW))
    }

    /// fstat(2) of what the path leads to, or of the symbolic link at its end; `nil` when there is nothing.
    package func status(_ path: String, followingLinks: Bool) throws(SystemError) -> stat? {
        guard let place = try naming(path, followingLinks: followingLinks) else { return nil }
        return try place.status()
    }

    /// The directory and those above it; what exists is left as it is.
    package func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
        var missing: [String] = []
        var place = path
        while try naming(place) == nil {
            missing.append(place)
            place = Files.parent(of: place)
            if place == "/" { break }
        }
        for place in missing.reversed() {
            let directory = try open(Files.parent(of: place), O_RDONLY | O_DIRECTORY)
            if mkdirat(directory.raw, Files.name(of: place), mode) != 0, errno != EEXIST {
                throw SystemError(errno: errno, attempting: "make directory \(place)")
            }
        }
    }

    /// An empty file, with the directories above it; what exists is left as it is.
    package func makeFile(_ path: String) throws(SystemError) {
        if try naming(path) != nil { return }
        try makeDirectories(Files.parent(of: path))
        _ = try open(path, O_WRONLY | O_CREAT, mode: 0o644)
    }
}

extension Descriptor {
    /// fstat(2) of what the descriptor names.
    package func status() throws(SystemError) -> stat {
        var found = stat()
        try check(fstat(raw, &found), "stat")
        return found
    }

    /// By which system calls that take paths reach what the descriptor names.
    package var path: String { "/proc/thread-self/fd/\(raw)" }
}

extension Files {
    /// The path's last part.
    package static func name(of path: String) -> String {
        String(path.split(separator: "/").last ?? "/")
    }

    /// What the symbolic link says that the descriptor names.
    package static func link(of descriptor: borrowing Descriptor) throws(SystemError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try check(readlinkat(descriptor.raw, "", &buffer, buffer.count), "read link")
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Names in an open directory, sorted, without `.` and `..`.
    package static func list(_ directory: borrowing Descriptor) throws(SystemError) -> [String] {
        try names(in: directory).map { text($0.name) }.sorted()
    }

    /// The same with names as the file system has them, each with the zero at its end: they need not be text.
    package static func rawNames(in directory: borrowing Descriptor) throws(SystemError) -> [[CChar]] {
        try names(in: directory).map(\.name).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// An extended attribute, at most 64 KiB; `nil` when there is none or the file system has none.
    package static func attribute(_ name: String, of path: String) throws(SystemError) -> [UInt8]? {
        try attribute(name, of: Array(path.utf8CString))
    }

    /// The same for a path that need not be text, with the zero at its end.
    package static func attribute(_ name: String, of path: [CChar]) throws(SystemError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 64 << 10)
        let count = clinux_attribute(path, name, &value, value.count)
        if count >= 0 { return Array(value.prefix(count)) }
        if [ENODATA, EOPNOTSUPP, ENOENT].contains(errno) { return nil }
        throw SystemError(errno: errno, attempting: "read attribute \(name) of \(text(path))")
    }
}
