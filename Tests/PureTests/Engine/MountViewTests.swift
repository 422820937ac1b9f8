import Model
import Testing

@testable import Engine

/// Mounts as they are shown, beside what is kept of them.
@Suite struct MountViewTests {
    private func mount(_ type: String, _ destination: String, mode: String) -> MountPoint {
        var point = MountPoint()
        point.type = type
        point.destination = destination
        point.mode = mode
        return point
    }

    @Test func `mounts are shown as they were asked for`() throws {
        var host = HostConfiguration()
        host.tmpfs = ["/ct/": "size=1m"]
        var record = ContainerRecord(
            id: "c1", name: "box", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["x"])
        record.mounts = [
            mount("volume", "/a", mode: "nocopy,nocopy"), mount("volume", "/b", mode: "nocopy,ro,nocopy"),
            mount("volume", "/c", mode: "z,nocopy"), mount("volume", "/d", mode: "z"),
            mount("bind", "/e", mode: "ro,nocopy"), mount("tmpfs", "/f", mode: "size=1m"),
            mount("tmpfs", "/ct", mode: "size=1m"),
        ]
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        let shown = views.inspection(record, execIDs: [])
        #expect(shown.mounts.map(\.destination) == ["/a", "/b", "/c", "/d", "/e", "/f"])
        #expect(shown.mounts.map(\.mode) == ["nocopy", "nocopy,ro", "z", "z", "ro,nocopy", ""])
        #expect(views.summary(record).mounts == shown.mounts)
        #expect(shown.hostConfig.tmpfs == ["/ct/": "size=1m"])
    }
}
