package import EngineInterface
import LinuxSystem
package import Model

/// The files that the engine gives a container, and how containers are listed and inspected.
extension NodeEngine {
    /// Writes hosts, hostname and resolv.conf anew, as addresses change from start to start.
    func prepareFiles(_ record: ContainerRecord) async throws {
        let directory = paths.files(of: record.id)
        let defaults = configuration.nameServers
        let hostGateway = networks.named("bridge")?.gateway
        let links = try linkedContainers(of: record)
        try await onThread {
            try Files.makePrivateDirectory(directory)
            let upstream = try Files.text("/etc/resolv.conf") ?? ""
            let hostFile = record.isOnHostNetwork ? try Files.text("/etc/hosts") : nil
            let files = [
                ("hostname", ContainerFiles.hostname(record)),
                ("hosts", try ContainerFiles.hosts(record, hostFile: hostFile, hostGateway: hostGateway, links: links)),
                ("resolv.conf", ContainerFiles.resolvConf(record, upstream: upstream, defaultServers: defaults)),
            ]
            for (name, text) in files {
                // They are bound into the container by inode: written in place when they exist, never replaced.
                let path = "\(directory)/\(name)"
                // Every start writes them anew, so that they need not be on the disk at once.
                try Files.rewrite(text, in: path, mode: 0o644)
            }
        }
    }

    private var views: ContainerViews {
        let paths = paths
        let network = network
        return ContainerViews(
            now: .now, directory: { paths.files(of: $0) }, logPath: { paths.log(of: $0) },
            sandboxPath: { network.sandboxPath($0) })
    }

    package func listContainers(_ query: ContainerQuery) async throws -> [ContainerSummary] {
        let names = query.filters["ancestor"].isEmpty ? [:] : try await imageNames()
        let views = views
        var rows = try ContainerSelection(query: query, imageNames: names).select(containers.all).map(views.summary)
        // Who is linked to a container has a name of its own for it.
        for parent in containers.all {
            for link in parent.links ?? [] {
                guard let index = rows.firstIndex(where: { $0.identifier == link.containerID }) else { continue }
                rows[index].names.append("/\(parent.name)/\(link.alias)")
            }
        }
        guard query.size else { return rows }
        for index in rows.indices {
            guard let record = containers.record(rows[index].identifier) else { continue }
            (rows[index].sizeRw, rows[index].sizeRootFs) = try await sizes(of: record)
        }
        return rows
    }

    private func imageNames() async throws -> [String: [String]] {
        Dictionary(try await listImages(Filters(), all: true, sharedSize: false).map { ($0.identifier, $0.repoTags) }) {
            $0 + $1
        }
    }

    package func inspectContainer(_ reference: String, size: Bool) async throws -> ContainerInspection {
        let record = try containers.find(reference)
        var view = views.inspection(record, execIDs: execs.running(in: record.id))
        view.graphDriver = try await graphDriver(record)
        if size { (view.sizeRw, view.sizeRootFs) = try await sizes(of: record) }
        return view
    }
}

// Its methods are in the files beside this one, each for a part of a container's life.
extension NodeEngine: ContainerBackend {}
