/// A place between two lines of a log, found again after a restart and whatever its file is called by then.
package struct LogPlace: Codable, Sendable, Hashable {
    /// Of the file, `st_ino`. Alone it says nothing: a file system gives a removed file's number to the next one.
    package var inode: UInt64
    /// What the file begins with: the stamp of its first line, which no other file of the log has with the same inode.
    package var beginning: String
    /// In bytes from the file's beginning.
    package var offset: Int64

    package init(inode: UInt64, beginning: String, offset: Int64) {
        self.beginning = beginning
        self.inode = inode
        self.offset = offset
    }
}

/// How far a log has been read, so that reading goes on behind it with nothing left out and nothing twice.
package struct LogPosition: Codable, Sendable, Hashable {
    /// Behind the last line that has been taken; `nil` for the log's beginning.
    package var place: LogPlace?
    /// Where a line begins that was not complete at ``place``, of the other stream than the last line's: it is read from there.
    package var held: LogPlace?
    /// Where the line behind ``place`` is sent in pieces: how many of them have been taken.
    package var pieces = 0

    package init(place: LogPlace? = nil, held: LogPlace? = nil, pieces: Int = 0) {
        self.held = held
        self.pieces = pieces
        self.place = place
    }

    /// The same for the same line of a container whenever it is read, and another one for each other line or piece.
    package var key: String {
        guard let place else { return "beginning/\(pieces)" }
        let behind = held.map { "/\($0.beginning)/\($0.offset)" } ?? ""
        return "\(place.inode)/\(place.beginning)/\(place.offset)/\(pieces)\(behind)"
    }
}
