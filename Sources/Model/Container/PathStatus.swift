/// A file of a container as `GET /containers/{id}/archive` tells of it.
package struct PathStatus: Sendable, Equatable {
    package var name: String
    /// Bytes.
    package var size: Int64
    package var mode: FileMode
    package var modified: Timestamp
    /// Of a symbolic link: where it leads, as an absolute path in the container.
    package var linkTarget: String

    package init(name: String, size: Int64, mode: FileMode, modified: Timestamp, linkTarget: String) {
        self.linkTarget = linkTarget
        self.mode = mode
        self.modified = modified
        self.name = name
        self.size = size
    }
}

/// A file's kind and permissions in the numbers of Go's `os.FileMode`, in which the API tells them.
package struct FileMode: Sendable, Equatable {
    /// Go's bits: permissions below, kinds from bit 20 on.
    package let number: UInt32

    /// - Parameter status: `st_mode` of stat(2).
    package init(_ status: UInt32) {
        var number = status & 0o777
        switch status & 0o170000 {
        case 0o040000: number |= 1 << 31
        case 0o120000: number |= 1 << 27
        case 0o060000: number |= 1 << 26
        case 0o020000: number |= 1 << 26 | 1 << 21
        case 0o010000: number |= 1 << 25
        case 0o140000: number |= 1 << 24
        default: break
        }
        if status & 0o4000 != 0 { number |= 1 << 23 }
        if status & 0o2000 != 0 { number |= 1 << 22 }
        if status & 0o1000 != 0 { number |= 1 << 20 }
        self.number = number
    }

    package var isDirectory: Bool { number & 1 << 31 != 0 }
    package var isSymbolicLink: Bool { number & 1 << 27 != 0 }
}

/// One line of `docker diff`.
package struct PathChange: Codable, Sendable, Equatable {
    /// In the API's numbers.
    package enum Kind: Int, Codable, Sendable { case modified, added, deleted }
    package var path: String
    package var kind: Kind

    package init(path: String, kind: Kind) {
        self.kind = kind
        self.path = path
    }
}
