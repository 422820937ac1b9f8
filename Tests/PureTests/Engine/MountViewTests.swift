import Foundation
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

    @Test func `what a mount does not say is not written, and is read as before`() throws {
        var mount = Mount()
        mount.type = "tmpfs"
        mount.target = "/t"
        mount.tmpfsOptions = Mount.TmpfsOptions()
        mount.tmpfsOptions?.sizeBytes = 7
        mount.bindOptions = Mount.BindOptions()
        mount.volumeOptions = Mount.VolumeOptions()
        let text = String(decoding: try WireJSON.encode(mount), as: UTF8.self)
        let options = #""TmpfsOptions":{"SizeBytes":7},"Type":"tmpfs","VolumeOptions":{}"#
        #expect(text == #"{"BindOptions":{},"Target":"/t",\#(options)}"#)
        #expect(try WireJSON.decode(Mount.self, from: WireJSON.encode(mount)) == mount)
        let whole = Data(
            #"{"ReadOnly":false,"Source":"","Target":"/t","TmpfsOptions":{"Mode":0,"SizeBytes":7}}"#.utf8)
        let read = try WireJSON.decode(Mount.self, from: whole)
        #expect(!read.readOnly && read.source.isEmpty && read.tmpfsOptions == mount.tmpfsOptions)
        mount.readOnly = true
        #expect(try WireJSON.decode(Mount.self, from: WireJSON.encode(mount)).readOnly)
    }
}
