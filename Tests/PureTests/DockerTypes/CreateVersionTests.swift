import DockerTypes
import Model
import Testing

@Suite struct CreateVersionTests {
    @Test func `clients of before 1 point 40 mean an IPC namespace that others may share`() {
        var request = ContainerCreateRequest()
        let old = request.completed(for: APIVersion(1, 39))
        #expect(old.hostConfig.ipcMode == "shareable" && old.hostConfig.cgroupnsMode.isEmpty)
        #expect(request.completed(for: APIVersion(1, 40)) == request)
        request.hostConfig.ipcMode = "private"
        #expect(request.completed(for: APIVersion(1, 39)) == request)
    }

    @Test func `older clients ask for no address of an endpoint's link, though they send one`() {
        var request = ContainerCreateRequest()
        request.configuration.macAddress = "02:42:ac:11:00:09"
        var settings = EndpointSettings()
        settings.macAddress = "02:42:ac:11:00:02"
        settings.aliases = ["db"]
        request.networkingConfig = NetworkingConfiguration()
        request.networkingConfig?.endpointsConfig = ["na": settings, "nb": nil]
        #expect(request.completed(for: APIVersion(1, 44)) == request)
        let old = request.completed(for: APIVersion(1, 43))
        #expect(old.configuration.macAddress == "02:42:ac:11:00:09")
        settings.macAddress = ""
        #expect(old.networkingConfig?.endpointsConfig == ["na": settings, "nb": nil])
    }
}
