import DockerClient
import Glibc
import LinuxSystem

/// Files of this machine, to and from archives.
enum LocalTree {
    private static func failure(_ action: String, _ path: String) -> ExitError {
        ExitError(1, "\(action) \(path): \(SystemText.lowered(errno))")
    }

    static func status(_ path: String, followsLinks: Bool) throws -> stat {
        var found = stat()
        guard (followsLinks ? stat(path, &found) : lstat(path, &found)) == 0 else { throw failure("lstat", path) }
        return found
    }

    /// Writes a file, or a folder and everything in it, as an archive.
    ///
    /// - Parameters:
    ///   - name: What the top is called in the archive.
    ///   - keepsOwners: Owners as they are here; otherwise everything is root's.
    static func send(
        _ path: String, as name: String, followsLinks: Bool, keepsOwners: Bool, to writer: BodyWriter
    ) async throws {
        let found = try status(path, followsLinks: followsLinks)
        let kinds: [mode_t: TarEntry.Kind] = [
            S_IFREG: .file, S_IFDIR: .folder, S_IFLNK: .link, S_IFIFO: .fifo,
        ]
        // Sockets and devices have nothing in them to be copied.
        guard let kind = kinds[found.st_mode & S_IFMT] else { return }
        var entry = TarEntry(name: name, kind: kind, mode: found.st_mode & 0o7777)
        entry.modified = Int64(found.st_mtim.tv_sec)
        if keepsOwners { (entry.owner, entry.group) = (found.st_uid, found.st_gid) }
        switch kind {
        case .folder:
            entry.name += name.hasSuffix("/") ? "" : "/"
            try await writer.write(TarFormat.header(entry))
            for child in try children(path) {
                try await send(
                    "\(path)/\(child)", as: entry.name + child, followsLinks: false, keepsOwners: keepsOwners,
                    to: writer)
            }
        case .link:
            entry.target = try target(path)
            try await writer.write(TarFormat.header(entry))
        case .file:
            entry.size = Int64(found.st_size)
            try await writer.write(TarFormat.header(entry))
            try await sendBytes(path, entry.size, writer)
            try await writer.write(TarFormat.padding(entry.size))
        default: try await writer.write(TarFormat.header(entry))
        }
    }

    /// Exactly as many bytes as the header says: a file that shrinks meanwhile is an error.
    private static func sendBytes(_ path: String, _ size: Int64, _ writer: BodyWriter) async throws {
        let raw = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { throw failure("open", path) }
        defer { close(raw) }
        var rest = size
        while rest > 0, let bytes = try await Console.readInput(raw, atMost: Int(min(rest, 256 << 10))) {
            try await writer.write(bytes)
            rest -= Int64(bytes.count)
        }
        guard rest == 0 else { throw ExitError(1, "\(path) changed while it was copied") }
    }

    private static func children(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw failure("open", path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func target(_ path: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { room in
            room.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
            }
        }
        guard count >= 0 else { throw failure("readlink", path) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}

/// Puts the entries of an archive down under a folder.
struct LocalReceiver {
    /// Where the archive's top goes: its first part is replaced by this path.
    let destination: String
    let keepsOwners: Bool
    private var open: CInt = -1
    private var openPath = ""
    private var openTime: Int64 = 0

    init(destination: String, keepsOwners: Bool) {
        self.destination = destination
        self.keepsOwners = keepsOwners
    }

    mutating func receive(_ event: TarReader.Event) throws {
        switch event {
        case .bytes(let bytes):
            guard open >= 0 else { return }
            Console.write(open, bytes)
        case .entry(let entry):
            finish()
            try put(entry)
        }
    }

    mutating func finish() {
        guard open >= 0 else { return }
        close(open)
        open = -1
        setTime(openPath, openTime)
    }

    private func setTime(_ path: String, _ seconds: Int64) {
        let times = [timespec(tv_sec: Int(seconds), tv_nsec: 0), timespec(tv_sec: Int(seconds), tv_nsec: 0)]
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW)
    }

    /// The path of an entry; names that would lead out of the folder, also through a link in it, are refused.
    private func path(_ name: String) throws -> String {
        let parts = name.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else { throw ExitError(1, "invalid path in archive: \(name)") }
        var path = destination
        for part in parts.dropFirst() {
            // What is on the way must be a folder itself.
            if let found = try? LocalTree.status(path, followsLinks: false), path != destination,
                found.st_mode & S_IFMT == S_IFLNK
            {
                throw ExitError(1, "invalid path in archive: \(name)")
            }
            path += "/\(part)"
        }
        return path
    }

    private mutating func put(_ entry: TarEntry) throws {
        let path = try path(entry.name)
        func require(_ result: CInt) throws {
            guard result == 0 else { throw ExitError(1, "\(path): \(SystemText.lowered(errno))") }
        }
        switch entry.kind {
        case .folder:
            if mkdir(path, 0o755) != 0, errno != EEXIST { try require(-1) }
            try require(chmod(path, entry.mode))
        case .file:
            // A link in its place is not written through.
            if let found = try? LocalTree.status(path, followsLinks: false), found.st_mode & S_IFMT == S_IFLNK {
                unlink(path)
            }
            open = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            try require(open >= 0 ? 0 : -1)
            try require(fchmod(open, entry.mode))
            openPath = path
            openTime = entry.modified
        case .link:
            unlink(path)
            try require(symlink(entry.target, path))
        case .hardLink:
            unlink(path)
            try require(link(try self.path(entry.target), path))
        case .fifo:
            unlink(path)
            try require(mkfifo(path, entry.mode))
        case .characterDevice, .blockDevice: return
        }
        if keepsOwners { try require(lchown(path, entry.owner, entry.group)) }
    }
}
