import Glibc
import LinuxSystem

enum Paths {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The bytes of a file a user named, or the system's words in Go's form: `open x: no such file or directory`.
    static func read(_ path: String) throws -> [UInt8] {
        do { return try Descriptor.open(path, O_RDONLY).readToEnd() } catch {
            throw ExitError(1, "open \(path): \(SystemText.lowered(error.errno))")
        }
    }
}

enum SystemText {
    /// An error of the system, as Go words it: the C library's words in lower case.
    static func lowered(_ errno: CInt) -> String {
        let text = String(cString: strerror(errno))
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
