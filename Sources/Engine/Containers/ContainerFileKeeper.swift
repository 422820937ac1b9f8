import Addressing
import Faults
import LinuxSystem
import Logging
import Model

/// Writes the files that the engine gives containers: hosts, hostname and resolv.conf.
struct ContainerFileKeeper: Sendable {
    let containers: ContainerTable
    let networks: LocalNetworks
    let paths: EnginePaths
    /// Resolvers for containers; empty for those of the host.
    let nameServers: [IPAddress]
    let log: Logger

    /// Writes hosts, hostname and resolv.conf anew, as addresses change from start to start.
    func prepare(_ record: ContainerRecord) async throws {
        let directory = paths.files(of: record.id)
        let defaults = nameServers
        let hostGateway = networks.named("bridge")?.gateway
        let links = try ContainerLinks(containers).linked(to: record)
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

    /// Brings `hosts` and `resolv.conf` of a running container up to date with its networks: one that joins its first network with names
    /// finds them at 127.0.0.11 from now on. Files that were changed from within stay as they are.
    /// - Parameters:
    ///   - before: The record that the files were written for.
    ///   - after: The record of now.
    func renew(from before: ContainerRecord, to after: ContainerRecord) async throws {
        let directory = paths.files(of: after.id)
        let defaults = nameServers
        let hostGateway = networks.named("bridge")?.gateway
        // When one of them does not run, the file has been written for it when it did, and stays.
        let links = (try? ContainerLinks(containers).linked(to: after)) ?? []
        try await onThread {
            let upstream = try Files.text("/etc/resolv.conf") ?? ""
            func resolvConf(_ record: ContainerRecord) -> String {
                ContainerFiles.resolvConf(record, upstream: upstream, defaultServers: defaults)
            }
            func hosts(_ record: ContainerRecord) throws -> String {
                try ContainerFiles.hosts(record, hostFile: nil, hostGateway: hostGateway, links: links)
            }
            let files = [
                ("hosts", try hosts(before), try hosts(after)),
                ("resolv.conf", resolvConf(before), resolvConf(after)),
            ]
            for (name, old, new) in files where old != new {
                let path = "\(directory)/\(name)"
                guard try Files.text(path) == old else { continue }
                // In place: the container has the file itself mounted, not its directory.
                try Files.rewrite(new, in: path, mode: 0o644)
            }
        }
    }

    /// Those that are linked to a container which has been started anew find it at its new address.
    func renewLinks(to child: ContainerRecord) async {
        let place = child.endpoints.first { $0.networkName == "bridge" && $0.isJoined }
        guard let address = place?.address?.address else { return }
        for parent in containers.records(linkedTo: child.id) where parent.isUp {
            let links = (parent.links ?? []).filter { $0.containerID == child.id }.map {
                LinkedContainer(child, as: $0.alias, of: parent, at: address)
            }
            guard !links.isEmpty else { continue }
            let path = "\(paths.files(of: parent.id))/hosts"
            do { try await onThread { try Self.write(links, in: path) } } catch {
                log.error(
                    "a container does not find another one that it is linked to",
                    metadata: ["container": "\(parent.shortID)", "linked": "\(child.shortID)", "error": "\(error)"])
            }
        }
    }

    /// Takes a link out of the hosts file of a container that runs; the next start writes the file without it.
    func removeLink(_ alias: String, to child: ContainerRecord, from parent: ContainerRecord) async throws {
        guard parent.isUp else { return }
        let path = "\(paths.files(of: parent.id))/hosts"
        let hostname = child.configuration.hostname
        try await onThread {
            guard let text = try Files.text(path) else { return }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let left = lines.filter { !LinkedContainer.isLine($0, of: alias, hostname: hostname) }
            // In place: the container has the file itself mounted.
            if left.count < lines.count { try Files.rewrite(left.joined(separator: "\n"), in: path, mode: 0o644) }
        }
    }

    private static func write(_ links: [LinkedContainer], in path: String) throws {
        guard let text = try Files.text(path) else { return }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            links.first { line.hasSuffix("\t\($0.names)") }.map { "\($0.address)\t\($0.names)" } ?? String(line)
        }
        // In place: the container has the file itself mounted.
        try Files.rewrite(lines.joined(separator: "\n"), in: path, mode: 0o644)
    }
}
