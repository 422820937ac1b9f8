import Glibc

/// How many files may be kept open for samples, and how those are opened for which there is no room: at each reading, by one openat(2) in their
/// directory. Of one thread.
final class FileRoom {
    /// Kept files at most. When there are more, each is let go at its next reading until there are not.
    var most: Int
    /// Files that are kept open.
    private(set) var kept = 0
    // Where the last file was opened: those of a control group are read one after the other, and walking to it costs nearly what opening one does.
    private var path = ""
    private var directory: CInt = -1

    init(most: Int) { self.most = most }

    deinit { if directory >= 0 { close(directory) } }

    var isTooFull: Bool { kept > most }

    /// - Returns: Whether there was room for one more file, which is given back when the file is closed.
    func take() -> Bool {
        guard kept < most else { return false }
        kept += 1
        return true
    }

    func giveBack() { kept -= 1 }

    /// Opens a file for reading; less than 0 when that fails, with its errno.
    func descriptor(of name: String, in path: String) -> CInt {
        if directory < 0 || path != self.path {
            leave()
            directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard directory >= 0 else { return -1 }
            self.path = path
        }
        return openat(directory, name, O_RDONLY | O_CLOEXEC)
    }

    /// To be called after each sample: a directory that has gone and come again until the next one is another.
    func leave() {
        if directory >= 0 { close(directory) }
        directory = -1
    }
}
