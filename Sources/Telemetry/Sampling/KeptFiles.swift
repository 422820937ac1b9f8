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

/// Files that are opened at the first reading and kept, as far as there is room: pread(2) costs a fraction of opening a control group's file anew. For others
/// each reading opens and closes the file. A descriptor of a control group's file keeps nothing from being removed.
struct KeptFiles: ~Copyable {
    private static let unopened: CInt = -1
    private static let missing: CInt = -2

    private let paths: [String]
    private let room: FileRoom
    private var descriptors: [CInt]

    /// - Parameter paths: Absolute; empty for a file that there is none of.
    init(_ paths: [String], _ room: FileRoom) {
        self.paths = paths
        self.room = room
        descriptors = Array(repeating: Self.unopened, count: paths.count)
    }

    deinit {
        for descriptor in descriptors where descriptor >= 0 {
            close(descriptor)
            room.giveBack()
        }
    }

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
            let bytes = buffer.read(descriptors[index])
            // ENODEV: what it was a file of is gone.
            if bytes == nil || room.isTooFull { letGo(index) }
            if let bytes { return bytes }
        }
        guard let slash = paths[index].lastIndex(of: "/") else { return nil }
        let name = String(paths[index][paths[index].index(after: slash)...])
        let descriptor = room.descriptor(of: name, in: String(paths[index][..<slash]))
        guard descriptor >= 0 else {
            if errno == ENOENT { descriptors[index] = Self.missing }
            return nil
        }
        if room.take() {
            descriptors[index] = descriptor
            return buffer.read(descriptor)
        }
        defer { close(descriptor) }
        return buffer.read(descriptor)
    }

    private mutating func letGo(_ index: Int) {
        close(descriptors[index])
        descriptors[index] = Self.unopened
        room.giveBack()
    }

    /// The same by path; `nil` in the outer optional for a file that is none of these.
    mutating func text(_ path: String, _ buffer: ReadBuffer) -> String?? {
        guard let index = paths.firstIndex(of: path) else { return .none }
        return .some(read(index, buffer).map { String(decoding: $0, as: UTF8.self) })
    }
}
