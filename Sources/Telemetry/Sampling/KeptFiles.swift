import Glibc
import LinuxSystem

/// Where files are read into, once for all that one thread samples.
final class ReadBuffer {
    static let bytes = 64 << 10
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 16)

    deinit { memory.deallocate() }

    /// What one pread(2) from the beginning brings; `nil` when it fails, with its errno.
    func read(_ descriptor: CInt) -> UnsafeRawBufferPointer? {
        while true {
            let count = pread(descriptor, memory.baseAddress, memory.count, 0)
            if count >= 0 { return UnsafeRawBufferPointer(rebasing: memory.prefix(count)) }
            if errno != EINTR { return nil }
        }
    }
}

/// Files of one directory that are opened at the first reading and kept: pread(2) costs a fraction of opening a control group's file anew. A descriptor of
/// a control group's file keeps nothing from being removed.
struct KeptFiles: ~Copyable {
    private static let unopened: CInt = -1
    private static let missing: CInt = -2

    private let paths: [String]
    private var descriptors: [CInt]

    /// - Parameter paths: Absolute.
    init(_ paths: [String]) {
        self.paths = paths
        descriptors = Array(repeating: Self.unopened, count: paths.count)
    }

    deinit { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }

    /// Of files that are open.
    var openCount: Int { descriptors.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }

    /// Looks again for what was not there.
    mutating func forgetMissing() {
        for index in descriptors.indices where descriptors[index] == Self.missing {
            descriptors[index] = Self.unopened
        }
    }

    /// The content of a file, good until the buffer is used again; `nil` when it is not there. One that has gone and come again, as the control group of a container that was
    /// started again, is opened anew.
    mutating func read(_ index: Int, _ buffer: ReadBuffer) -> UnsafeRawBufferPointer? {
        guard descriptors.indices.contains(index), descriptors[index] != Self.missing else { return nil }
        if descriptors[index] >= 0 {
            if let bytes = buffer.read(descriptors[index]) { return bytes }
            // ENODEV: what it was a file of is gone.
            close(descriptors[index])
            descriptors[index] = Self.unopened
        }
        descriptors[index] = open(paths[index], O_RDONLY | O_CLOEXEC)
        guard descriptors[index] >= 0 else {
            descriptors[index] = errno == ENOENT ? Self.missing : Self.unopened
            return nil
        }
        return buffer.read(descriptors[index])
    }

    /// The same by path; `nil` in the outer optional for a file that is none of these.
    mutating func text(_ path: String, _ buffer: ReadBuffer) -> String?? {
        guard let index = paths.firstIndex(of: path) else { return .none }
        return .some(read(index, buffer).map { String(decoding: $0, as: UTF8.self) })
    }
}
