import Faults
import Glibc

/// A Unix socket's place in the file system: at most one daemon has it, and the group may connect.
///
/// The socket is bound in a private directory, given its owner and mode there, and moved to its path: it is never
/// reachable with wrong rights, and a stale file of a dead daemon is replaced in one step.
struct SocketPlace: Sendable {
    let path: String
    let group: String?

    /// Where the server binds.
    var bindPath: String { privateDirectory + "/s" }

    private var privateDirectory: String {
        let slash = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        return "\(slash)/.\(path.split(separator: "/").last ?? "s").\(getpid())"
    }

    /// What tells one socket from another that came to its path.
    struct Identity: Sendable, Equatable {
        let device: dev_t
        let node: ino_t
    }

    /// Takes the lock beside the socket and makes the directory to bind in.
    /// - Returns: The lock's descriptor, to be kept open as long as the server runs.
    /// - Throws: `.conflict` when another daemon has the socket, of whatever kind, or something else is at its path.
    func take() throws -> CInt {
        try checkPath()
        let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw failure("cannot open \(path).lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let fault =
                errno == EWOULDBLOCK ? APIError(.conflict, "\(path) belongs to a running daemon") : failure("flock")
            Glibc.close(lock)
            throw fault
        }
        removePrivateDirectory()
        guard mkdir(privateDirectory, 0o700) == 0 else {
            let fault = failure("cannot create \(privateDirectory)")
            Glibc.close(lock)
            throw fault
        }
        return lock
    }

    /// Daemons of other kinds know nothing of the lock: whoever accepts connections there has the socket.
    private func checkPath() throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw APIError(.conflict, "\(path) is there and no socket") }
        let probe = socket(
            AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard probe >= 0 else { throw failure("cannot make a socket") }
        defer { Glibc.close(probe) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        // A longer one cannot be bound either, which says so.
        guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // A full backlog is somebody's, too.
        if result == 0 || errno == EAGAIN { throw APIError(.conflict, "\(path) belongs to a running daemon") }
    }

    /// Gives the bound socket its owner, mode 0660 and final path.
    func publish() throws -> Identity {
        let owner = group.flatMap(Self.identifier(ofGroup:)) ?? getgid()
        guard chown(bindPath, getuid(), owner) == 0, chmod(bindPath, 0o660) == 0, rename(bindPath, path) == 0 else {
            throw failure("cannot place the socket at \(path)")
        }
        removePrivateDirectory()
        guard let identity else { throw failure("\(path) has gone") }
        return identity
    }

    private var identity: Identity? {
        var status = stat()
        return lstat(path, &status) == 0 ? Identity(device: status.st_dev, node: status.st_ino) : nil
    }

    /// Removes the socket, unless another is at its path meanwhile, and lets go of the lock.
    func release(_ lock: CInt, published: Identity?) {
        removePrivateDirectory()
        if let published, published == identity { unlink(path) }
        Glibc.close(lock)
    }

    private func removePrivateDirectory() {
        unlink(bindPath)
        rmdir(privateDirectory)
    }

    private func failure(_ what: String) -> APIError {
        APIError(.internalError, "\(what): \(String(cString: strerror(errno)))")
    }

    private static func identifier(ofGroup name: String) -> gid_t? {
        var entry = group_()
        var found: UnsafeMutablePointer<group_>?
        var space = [CChar](repeating: 0, count: 16_384)
        guard getgrnam_r(name, &entry, &space, space.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }
}

private typealias group_ = Glibc.group
