import DockerClient
import Glibc
import LinuxSystem

/// Files that commands write for the user.
enum OutputFile {
    static func write(_ bytes: [UInt8], to path: String) throws {
        try create(path).writeAll(bytes)
    }

    private static func create(_ path: String) throws -> Descriptor {
        do { return try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644) } catch {
            throw ExitError(1, "open \(path): \(SystemText.lowered(error.errno))")
        }
    }

    /// Sends an answer's body to a file, which appears when it is whole, or to standard output.
    ///
    /// - Parameter action: For messages, as in `save image`.
    static func stream(_ client: DaemonClient, _ request: Request, to path: String?, action: String) async throws {
        guard let path, !path.isEmpty else {
            guard !Console.isTerminal(1) else {
                throw ExitError(1, "cowardly refusing to save to a terminal. Use the -o flag or redirect")
            }
            return try await client.stream(request) { response in
                while let bytes = try await response.next() { try await Console.pass(bytes, to: 1) }
            }
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw ExitError(1, "failed to \(action): invalid output path: \"\(path)\" must be a regular file")
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
        guard Paths.exists(folder) else {
            throw ExitError(
                1, "failed to \(action): invalid output path: stat \(folder.dropLast()): no such file or directory")
        }
        let temporary = "\(path).\(getpid()).part"
        do {
            try await client.stream(request) { response in
                let file = try create(temporary)
                while let bytes = try await response.next() { try file.writeAll(bytes) }
            }
            guard rename(temporary, path) == 0 else {
                throw SystemError(errno: errno, attempting: "rename \(temporary)")
            }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}
