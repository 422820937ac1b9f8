import Glibc
import LinuxSystem

/// How much is in a directory. Blocks.
enum TreeSize {
    /// Bytes in regular files, those with several names counted once.
    static func bytes(_ directory: String) throws -> Int64 {
        var total: Int64 = 0
        var counted: Set<ino_t> = []
        var waiting = [directory]
        while let next = waiting.popLast() {
            for name in try Files.list(next) {
                let path = "\(next)/\(name)"
                guard let status = try Files.status(path) else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: waiting.append(path)
                case S_IFREG where status.st_nlink == 1 || counted.insert(status.st_ino).inserted:
                    total += Int64(clamping: status.st_size)
                default: continue
                }
            }
        }
        return total
    }
}
