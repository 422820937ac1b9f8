/// Where the engine keeps its files.
struct EnginePaths: Sendable {
    let root: String
    let run: String

    init(_ configuration: EngineConfiguration) {
        root = configuration.rootDirectory
        run = configuration.runDirectory
    }

    var volumes: String { "\(root)/volumes" }
    var containers: String { "\(root)/containers" }
    var database: String { "\(root)/engine.db" }
    /// What has been sampled; may be lost.
    var metrics: String { "\(root)/metrics.db" }
    /// What has happened, see `EventLog`.
    var events: String { "\(root)/events.db" }
    var images: String { root }
    /// What removed containers leave of their logs until it has been sent.
    var spool: String { "\(root)/spool" }
    var bundles: String { "\(run)/containers" }
    /// Of the process that encrypts what encrypted networks send.
    var encryption: String { "\(run)/esp" }
    /// Parts of volumes on their way into containers.
    var subpaths: String { "\(run)/subpaths" }
    /// What is given to a container: hosts, hostname, resolv.conf; its log.
    func files(of id: String) -> String { "\(containers)/\(id)" }
    func log(of id: String) -> String { "\(containers)/\(id)/log" }
}
