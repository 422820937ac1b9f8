/// Where the files of running containers are. All of it is to be on a tmpfs: it describes processes of this boot.
package struct RuntimePaths: Sendable, Equatable {
    /// As in `/run/apus/runtime`.
    package let root: String

    package init(root: String) { self.root = root }

    var containers: String { root + "/containers" }
    /// A runtime's own state (`--root`).
    func state(_ runtime: RuntimeName) -> String { "\(root)/\(runtime.rawValue)" }
    func state(_ id: String, of runtime: RuntimeName) -> String { "\(state(runtime))/\(id)" }
    /// Sockets for terminals; the path must stay short.
    var temporary: String { root + "/tmp" }

    /// A container's bundle: `config.json` and what conmon writes beside it.
    package func bundle(_ id: String) -> String { "\(containers)/\(id)" }
    func record(_ id: String) -> String { bundle(id) + "/record.json" }
    /// The container's process as given to the runtime, which an exec starts from.
    func process(_ id: String) -> String { bundle(id) + "/process.json" }
    func exec(_ id: String, of container: String) -> String { "\(bundle(container))/exec/\(id)" }
    /// A FIFO that is there until the container is started; crun and runc give it the same name.
    func startFIFO(_ id: String, of runtime: RuntimeName) -> String { state(id, of: runtime) + "/exec.fifo" }

    /// Environment of conmon and the runtimes, which need no HOME.
    var environment: [String] {
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC",
            "TMPDIR=\(temporary)",
        ]
    }
}
