import Addressing
import DataPlane
import LinuxSystem
import Model
import NameService
import Synchronization

/// Containers' resolvers: opened in their namespaces, and told names when those have changed.
extension NetworkCoordinator {
    /// Resolvers opened at a time when a restarted daemon takes its containers over.
    private static let openedAtATime = 16

    /// - Returns: Those that could not be opened, and why.
    func openResolvers(_ records: [any NetworkMember]) async -> [(any NetworkMember, any Error)] {
        await withTaskGroup(of: (any NetworkMember, any Error)?.self) { group in
            var failed: [(any NetworkMember, any Error)] = []
            for (index, record) in records.enumerated() {
                if index >= Self.openedAtATime, let failure = await group.next() ?? nil { failed.append(failure) }
                group.addTask {
                    do {
                        try await self.openResolver(record)
                        return nil
                    } catch { return (record, error) }
                }
            }
            for await failure in group { if let failure { failed.append(failure) } }
            return failed
        }
    }

    func openResolver(_ record: any NetworkMember) async throws {
        let namespace = dataPlane.sandboxNamespace(record.id)
        let upstreams = try await upstreams(for: record)
        let names = state.withLock { state in state.names.names(for: record, state.composer.networks) }
        let ports = try await nameServer.open(record.id, namespace: namespace, table: names, upstreams: upstreams)
        state.withLock { state in
            state.composer.resolvers[record.id] = ResolverPorts(udp: ports.udp, tcp: ports.tcp)
            state.pending.members.insert(record.id)
        }
    }

    /// After the kernel, so that no name leads where nothing leads yet.
    func refreshNames(_ refresh: NetworkRefresh) async {
        let members = refresh.members.map { ($0, containers.member($0)) }
        let changed = state.withLock { state -> [(String, SandboxNames)] in
            let composer = state.composer
            state.names.take(refresh.facts, of: composer.facts) { composer.joined[$0] != nil }
            var changed: [(String, SandboxNames)] = []
            for (id, record) in members {
                state.names.take(id, record, composer.networks)
                if let record, composer.resolvers[id] != nil {
                    changed.append((id, state.names.names(for: record, composer.networks)))
                }
            }
            return changed
        }
        for (id, names) in changed { await nameServer.update(id, table: names) }
    }

    private func upstreams(for record: any NetworkMember) async throws -> Upstreams {
        let own = record.nameServers.compactMap { IPAddress($0) }
        if !own.isEmpty { return Upstreams(own.map { Upstreams.Server($0) }, origin: .sandbox) }
        let given = configuration.nameServers
        if !given.isEmpty { return Upstreams(given.map { Upstreams.Server($0) }) }
        let text = try await onThread { try Files.text("/etc/resolv.conf") }
        return Upstreams(resolvConf: text ?? "")
    }
}
