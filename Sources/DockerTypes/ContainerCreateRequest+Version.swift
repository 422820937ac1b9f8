package import Model

extension ContainerCreateRequest {
    /// With what clients of an API version mean by leaving it out: before 1.40 an IPC namespace that others may share. Source: moby,
    /// `postContainersCreate`, which takes an empty mode of control groups' namespaces for `host` as well, where the engine does so for everybody.
    package func completed(for version: APIVersion) -> Self {
        guard version < APIVersion(1, 40), hostConfig.ipcMode.isEmpty else { return self }
        var request = self
        request.hostConfig.ipcMode = "shareable"
        return request
    }
}
