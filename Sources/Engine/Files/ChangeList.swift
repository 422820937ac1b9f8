import Glibc
import LinuxSystem
import Model

/// What a container has changed, read from its layer of the overlay: a character device 0/0 stands for what was deleted, the attribute
/// `trusted.overlay.opaque` for a directory that hides those below it (kernel, filesystems/overlayfs). Blocks.
/// Source for what counts as a change: moby, `pkg/archive/changes.go`.
struct ChangeList {
    /// Places that a start makes for its mounts; Docker has them in a layer of their own.
    private static let hidden: Set<String> = [
        "/.dockerenv", "/dev/console", "/dev/pts", "/dev/shm", "/etc/hostname", "/etc/hosts", "/etc/mtab",
        "/etc/resolv.conf", "/proc", "/sys", "/dev",
    ]

    /// Directories one below the other: the thread's stack has an end.
    private static let deepest = 512

    private let upper: String
    private let lower: [String]
    private(set) var changes: [PathChange] = []

    init(upper: String, lower: [String]) throws {
        self.lower = lower
        self.upper = upper
        _ = try walk("", depth: 0)
    }

    /// Lists what has changed in a directory.
    /// - Returns: Whether anything has, and whether one of the hidden places is in it.
    private mutating func walk(_ directory: String, depth: Int) throws -> (changed: Bool, hides: Bool) {
        guard depth < Self.deepest else {
            throw SystemError(errno: ENAMETOOLONG, attempting: "list the changes in \(directory.prefix(200))")
        }
        var result = (changed: false, hides: false)
        for name in try Files.list(upper + directory) {
            let path = "\(directory)/\(name)"
            guard !Self.hidden.contains(path) else {
                result.hides = true
                continue
            }
            guard let status = try Files.status(upper + path) else { continue }
            let before = try below(path)
            if status.st_mode & S_IFMT == S_IFCHR, status.st_rdev == 0 {
                if before != nil { changes.append(PathChange(path: path, kind: .deleted)) }
                result.changed = result.changed || before != nil
                continue
            }
            let place = changes.count
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            let inner = isDirectory ? try walk(path, depth: depth + 1) : (changed: false, hides: false)
            var hasLost = false
            if isDirectory, before != nil, try isOpaque(path) { hasLost = try listLost(in: path) }
            if let before, isDirectory, before.st_mode & S_IFMT == S_IFDIR, !inner.changed, !hasLost,
                Self.isSame(status, before, ignoringTime: inner.hides)
            {
                continue
            }
            changes.insert(PathChange(path: path, kind: before == nil ? .added : .modified), at: place)
            result.changed = true
        }
        return result
    }

    private static func isSame(_ now: stat, _ before: stat, ignoringTime: Bool) -> Bool {
        now.st_mode == before.st_mode && now.st_uid == before.st_uid && now.st_gid == before.st_gid
            && (ignoringTime
                || (now.st_mtim.tv_sec == before.st_mtim.tv_sec && now.st_mtim.tv_nsec == before.st_mtim.tv_nsec))
    }

    private func isOpaque(_ path: String) throws -> Bool {
        try Files.attribute("trusted.overlay.opaque", of: upper + path) == [UInt8(ascii: "y")]
    }

    /// What the image has in a directory that now hides it.
    private mutating func listLost(in directory: String) throws -> Bool {
        var lost = false
        var names: Set<String> = []
        for layer in lower { names.formUnion(try Files.list(layer + directory)) }
        for name in names.sorted() {
            let path = "\(directory)/\(name)"
            guard try Files.status(upper + path) == nil, try below(path) != nil else { continue }
            changes.append(PathChange(path: path, kind: .deleted))
            lost = true
        }
        return lost
    }

    /// What the image has at the path; `nil` when nothing, or when an upper layer of it has deleted it.
    private func below(_ path: String) throws -> stat? {
        let parts = path.split(separator: "/")
        for layer in lower {
            if let found = try Files.status(layer + path) {
                return found.st_mode & S_IFMT == S_IFCHR && found.st_rdev == 0 ? nil : found
            }
            // A directory on the way may have been deleted, replaced or made opaque in this layer: those below do not count then.
            var way = layer
            for part in parts.dropLast() {
                way += "/\(part)"
                guard let directory = try Files.status(way) else { break }
                if directory.st_mode & S_IFMT != S_IFDIR { return nil }
                if try Files.attribute("trusted.overlay.opaque", of: way) == [UInt8(ascii: "y")] { return nil }
            }
        }
        return nil
    }
}
