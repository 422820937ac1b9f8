package import Glibc

extension timespec {
    /// As one number; since 1970 where it is a file's time. Wraps around in the year 2262.
    package var nanoseconds: Int64 { Int64(clamping: tv_sec) &* 1_000_000_000 &+ Int64(clamping: tv_nsec) }
}

extension Files {
    /// Bytes in the regular files of a directory and all below it; a file with several names counts once. Follows no symbolic
    /// link and enters no other file system; what vanishes meanwhile does not count.
    package static func treeBytes(_ path: String) throws(SystemError) -> Int64 {
        guard let top = try status(path) else { return 0 }
        var seen: Set<UInt64> = []
        var waiting = [path]
        var bytes: Int64 = 0
        while let directory = waiting.popLast() {
            for name in try list(directory) {
                let inner = "\(directory)/\(name)"
                guard let found = try status(inner), found.st_dev == top.st_dev else { continue }
                switch found.st_mode & S_IFMT {
                case S_IFDIR: waiting.append(inner)
                case S_IFREG where found.st_nlink == 1 || seen.insert(UInt64(clamping: found.st_ino)).inserted:
                    bytes += Int64(clamping: found.st_size)
                default: continue
                }
            }
        }
        return bytes
    }
}
