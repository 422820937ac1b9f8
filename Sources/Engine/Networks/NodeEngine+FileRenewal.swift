import LinuxSystem

extension NodeEngine {
    /// Brings `hosts` and `resolv.conf` of a running container up to date with its networks: one that joins its first network with names
    /// finds them at 127.0.0.11 from now on. Files that were changed from within stay as they are.
    /// - Parameters:
    ///   - before: The record that the files were written for.
    ///   - after: The record of now.
    func renewFiles(from before: ContainerRecord, to after: ContainerRecord) async throws {
        let directory = paths.files(of: after.id)
        let defaults = configuration.nameServers
        let hostGateway = networks.named("bridge")?.gateway
        // When one of them does not run, the file has been written for it when it did, and stays.
        let links = (try? linkedContainers(of: after)) ?? []
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
}
