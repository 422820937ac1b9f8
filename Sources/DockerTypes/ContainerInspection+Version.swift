package import Model

extension ContainerInspection {
    /// As clients of an API version know it: before 1.45 a container's short id and its hostname are among its aliases on networks that users have
    /// made, and since then in `DNSNames` alone. Source: Engine API 1.45's list of changes, and moby, `getContainersByName`.
    package func adapted(to version: APIVersion) -> Self {
        guard version < APIVersion(1, 45) else { return self }
        var older = self
        for (network, settings) in networkSettings.networks where !["bridge", "host", "none"].contains(network) {
            var seen: Set<String> = []
            let names = (settings.aliases ?? []) + [String(identifier.prefix(12)), config.hostname]
            older.networkSettings.networks[network]?.aliases = names.filter {
                !$0.isEmpty && seen.insert($0).inserted
            }
        }
        return older
    }
}
