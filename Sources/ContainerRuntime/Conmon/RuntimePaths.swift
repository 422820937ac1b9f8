/// Where the files of running containers are. All of it is to be on a tmpfs: it describes processes of this boot.
package struct RuntimePaths: Sendable, Equatable {
    /// As in `/run/apus/runtime`.
    package let root: String

    package init(root: String) { self.root = root }

    var containers: String { root + "/containers" }
    /// runc's own state (`--root`).
    var runc: String { root + "/runc" }
    /// Sockets for terminals; the path must stay short.
    var temporary: String { root + "/tmp" }

    /// A container's bundle: `config.json` and what conmon writes beside it.
    package func bundle(_ id: String) -> String { "\(containers)/\(id)" }
    func record(_ id: String) -> String { bundle(id) + "/record.json" }
    /// The container's process as given to runc, which an exec starts from.
    func process(_ id: String) -> String { bundle(id) + "/process.json" }
    func exec(_ id: String, of container: String) -> String { "\(bundle(container))/exec/\(id)" }
    /// A FIFO of runc's that is there until the container is started.
    func startFIFO(_ id: String) -> String { "\(runc)/\(id)/exec.fifo" }
}

/// The programs that do the work.
package struct RuntimePrograms: Sendable, Equatable {
    package var conmon: String
    package var runc: String

    package init(conmon: String, runc: String) {
        self.conmon = conmon
        self.runc = runc
    }
}
