package import Model

extension ContainerCreateRequest {
    /// With what clients of an API version mean by leaving it out, and without what they do not mean. Before 1.40 an IPC namespace is one that others
    /// may share. Before 1.44 a container has one MAC address beside its hostname: those of endpoints are what inspect has shown, and belong to
    /// another container. Source: moby, `postContainersCreate`, which takes an empty mode of control groups' namespaces for `host` as well, where the
    /// engine does so for everybody, and `handleMACAddressBC`.
    package func completed(for version: APIVersion) -> Self {
        var request = self
        if version < APIVersion(1, 40), hostConfig.ipcMode.isEmpty { request.hostConfig.ipcMode = "shareable" }
        guard version < APIVersion(1, 44) else { return request }
        for (network, settings) in networkingConfig?.endpointsConfig ?? [:] {
            guard var settings else { continue }
            settings.macAddress = ""
            request.networkingConfig?.endpointsConfig?[network] = settings
        }
        return request
    }
}
