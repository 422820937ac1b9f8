import DockerClient
import Glibc
import LinuxSystem

/// Files that commands send.
enum InputFile {
    /// - Parameter path: Empty for standard input.
    static func body(_ path: String, type: String) -> Request.Body {
        .stream(contentType: type) { writer in
            guard !path.isEmpty else {
                while let bytes = try await Console.readInput() { try await writer.write(bytes) }
                return
            }
            let raw = try open(path)
            defer { close(raw) }
            while let bytes = try await Console.readInput(raw, atMost: 256 << 10) { try await writer.write(bytes) }
        }
    }

    private static func open(_ path: String) throws -> CInt {
        do { return try Descriptor.open(path, O_RDONLY).release() } catch {
            throw ExitError(1, "open \(path): \(SystemText.lowered(error.errno))")
        }
    }
}
