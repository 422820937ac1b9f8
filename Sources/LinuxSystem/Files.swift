import CLinux
package import Glibc

/// Files and directories, by blocking calls. Paths are absolute.
package enum Files {
    /// Writes a file so that readers, and a crash, find the old content or the new one, never a part: temporary name,
    /// fsync, rename, fsync of the directory.
    package static func writeAtomically(_ bytes: some Collection<UInt8>, to path: String, mode: mode_t = 0o600)
        throws(SystemError)
    {
        let temporary = "\(path).\(RandomID.hex(bytes: 6)).tmp"
        do {
            let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try check(fchmod(file.raw, mode), "set mode of \(temporary)")
            try file.writeAll(bytes)
            try check(fsync(file.raw), "fsync \(temporary)")
            try check(Glibc.rename(temporary, path), "rename \(temporary) to \(path)")
        } catch {
            unlink(temporary)
            throw error
        }
        try sync(directory: parent(of: path))
    }

    /// The same for a text, in UTF-8.
    package static func writeAtomically(_ text: String, to path: String, mode: mode_t = 0o600) throws(SystemError) {
        try writeAtomically(Array(text.utf8), to: path, mode: mode)
    }

    /// Writes into an existing file in place, as the kernel's own want it (sysctls, cgroup files).
    package static func write(_ text: String, into path: String) throws(SystemError) {
        let file = try Descriptor.open(path, O_WRONLY)
        let bytes = Array(text.utf8)
        try retrying("write \"\(text)\" to \(path)") { Glibc.write(file.raw, bytes, bytes.count) }
    }

    /// Writes a file in place, made if need be; a crash of the machine may lose it.
    package static func rewrite(_ text: String, in path: String, mode: mode_t) throws(SystemError) {
        let isNew = !exists(path)
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        if isNew { try check(fchmod(file.raw, mode), "set mode of \(path)") }
        try file.writeAll(Array(text.utf8))
    }

    /// The whole content, at most `limit` bytes (EFBIG beyond); `nil` when there is no such file.
    package static func read(_ path: String, limit: Int = 64 << 20) throws(SystemError) -> [UInt8]? {
        guard let file = try Descriptor.openIfThere(path, O_RDONLY) else { return nil }
        do {
            return try file.readToEnd(limit: limit)
        } catch {
            throw SystemError(errno: error.errno, attempting: "read \(path)")
        }
    }

    /// The same as text.
    package static func text(_ path: String, limit: Int = 64 << 20) throws(SystemError) -> String? {
        try read(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// fsync(2) of a directory: names that were made, changed and removed in it are on disk.
    package static func sync(directory: String) throws(SystemError) {
        let descriptor = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
        try check(fsync(descriptor.raw), "fsync \(directory)")
    }

    /// The directory and those above it, with `mode` whatever the umask; what exists is left as it is.
    package static func makeDirectories(_ path: String, mode: mode_t = 0o700) throws(SystemError) {
        if isDirectory(path) { return }
        var missing = [path]
        var above = parent(of: path)
        while above != "/", !isDirectory(above) {
            missing.append(above)
            above = parent(of: above)
        }
        for place in missing.reversed() {
            if mkdir(place, mode) == 0 {
                try check(chmod(place, mode), "set mode of \(place)")
            } else if errno != EEXIST || !isDirectory(place) {
                throw SystemError(errno: errno, attempting: "make directory \(place)")
            }
        }
    }

    /// A directory that its owner alone may enter: made with those above it, and taken back from everybody else when it is there already.
    package static func makePrivateDirectory(_ path: String) throws(SystemError) {
        try makeDirectories(path, mode: 0o700)
        let directory = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
        var found = stat()
        try check(fstat(directory.raw, &found), "stat \(path)")
        if found.st_mode & 0o077 != 0 {
            try check(fchmod(directory.raw, found.st_mode & 0o700), "set mode of \(path)")
        }
    }

    /// Whether there is something of that name; a symbolic link counts wherever it leads.
    package static func exists(_ path: String) -> Bool {
        var found = stat()
        return lstat(path, &found) == 0
    }

    /// Whether the path leads to a directory, symbolic links followed.
    package static func isDirectory(_ path: String) -> Bool {
        var found = stat()
        return stat(path, &found) == 0 && found.st_mode & S_IFMT == S_IFDIR
    }

    /// lstat(2); `nil` when there is nothing of that name.
    package static func status(_ path: String) throws(SystemError) -> stat? {
        var found = stat()
        if lstat(path, &found) == 0 { return found }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw SystemError(errno: errno, attempting: "stat \(path)")
    }

    /// What a symbolic link says.
    package static func link(_ path: String) throws(SystemError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try check(readlink(path, &buffer, buffer.count), "read link \(path)")
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Names in a directory, sorted, without `.` and `..`; none when it is missing.
    package static func list(_ directory: String) throws(SystemError) -> [String] {
        guard let opened = try Descriptor.openIfThere(directory, O_RDONLY | O_DIRECTORY) else { return [] }
        return try names(in: opened).map { text($0.name) }.sorted()
    }

    /// rename(2): what is at the new name is replaced in one step.
    package static func rename(_ old: String, to new: String) throws(SystemError) {
        try check(Glibc.rename(old, new), "rename \(old) to \(new)")
    }

    /// Removes a file; missing is fine.
    package static func remove(_ path: String) throws(SystemError) {
        if unlink(path) != 0, errno != ENOENT { throw SystemError(errno: errno, attempting: "remove \(path)") }
    }

    /// The path's directory part; `/` for a name in the root.
    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Takes the lock file, made if need be, until the descriptor is closed (flock(2)); `nil` when another holds it.
    package static func lock(_ path: String) throws(SystemError) -> Descriptor? {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT)
        if clinux_flock(file.raw, 1, 0) == 0 { return file }
        if errno == EWOULDBLOCK { return nil }
        throw SystemError(errno: errno, attempting: "lock \(path)")
    }

    /// A name as text; what is no UTF-8 in it is replaced, so that it names nothing any more.
    static func text(_ name: [CChar]) -> String {
        String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Names, whose bytes need not be text, each with the zero at its end, and whether they are directories where the file
    /// system tells.
    static func names(in directory: borrowing Descriptor) throws(SystemError) -> [(name: [CChar], isDirectory: Bool?)] {
        let copy = try directory.duplicate().release()
        guard let stream = fdopendir(copy) else {
            let number = errno
            close(copy)
            throw SystemError(errno: number, attempting: "read directory")
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var found: [(name: [CChar], isDirectory: Bool?)] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError(errno: errno, attempting: "read directory") }
                return found
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { text in
                    Array(UnsafeBufferPointer(start: text, count: strlen(text) + 1))
                }
            }
            if name == [46, 0] || name == [46, 46, 0] { continue }
            let type = Int(clamping: entry.pointee.d_type)
            found.append((name, type == DT_UNKNOWN ? nil : type == DT_DIR))
        }
    }
}
