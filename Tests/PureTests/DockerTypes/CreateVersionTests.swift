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
}
