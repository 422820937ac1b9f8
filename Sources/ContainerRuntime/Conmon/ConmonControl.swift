import Glibc
import LinuxSystem

/// conmon's control FIFO: one line a write, `TYPE A B` (conmon, `ctrl.c`). Blocks for a moment.
enum ConmonControl {
    static func resize(height: Int, width: Int, in directory: String) throws {
        guard (0...65535).contains(height), (0...65535).contains(width) else {
            throw RuntimeError(.invalidSpecification, "a terminal cannot be \(height) by \(width)")
        }
        try write("1 \(height) \(width)\n", in: directory)
    }

    /// conmon makes the new file under another name and renames it over the log's: the old one must have another name, or
    /// it is lost.
    static func reopenLog(in directory: String) throws { try write("2 0 0\n", in: directory) }

    private static func write(_ line: String, in directory: String) throws {
        do {
            try send(Array(line.utf8), to: directory + "/ctl")
        } catch {
            guard [ENXIO, EPIPE, ENOENT].contains(error.errno) else { throw error }
            throw RuntimeError(.wrongState, "the container is not running")
        }
    }

    private static func send(_ bytes: [UInt8], to path: String) throws(SystemError) {
        let fifo = try Descriptor.open(path, O_WRONLY | O_NONBLOCK)
        try fifo.writeAll(bytes)
    }
}
