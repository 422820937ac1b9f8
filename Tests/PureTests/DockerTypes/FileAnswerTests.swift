import DockerTypes
import Foundation
import Model
import Testing

@Suite struct FileAnswerTests {
    /// The numbers are Go's, as recorded from Docker and from `os.FileMode`'s documentation.
    @Test func `modes are told in Go's numbers`() {
        #expect(FileMode(0o040755).number == 2_147_484_141)
        #expect(FileMode(0o100644).number == 0o644)
        #expect(FileMode(0o120777).number == 1 << 27 | 0o777)
        #expect(FileMode(0o041777).number == 1 << 31 | 1 << 20 | 0o777)
        #expect(FileMode(0o104755).number == 1 << 23 | 0o755)
        #expect(FileMode(0o020620).number == 1 << 26 | 1 << 21 | 0o620)
    }

    @Test func `a path's header is the JSON that clients decode`() throws {
        let status = PathStatus(
            name: "nginx", size: 4096, mode: FileMode(0o040755), modified: Timestamp(seconds: 1_700_000_000),
            linkTarget: "")
        let data = try #require(Data(base64Encoded: try PathStatAnswer(status).headerValue))
        let fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(fields["mtime"] as? String == "2023-11-14T22:13:20Z")
        #expect(fields["mode"] as? Int == 2_147_484_141 && fields["name"] as? String == "nginx")
        #expect(fields["size"] as? Int == 4096 && fields["linkTarget"] as? String == "")
    }

    @Test func `statistics have the recorded fields, and no processor's share without a measurement before`() throws {
        var usage = ContainerMeasurement.Usage(timestamp: Timestamp(seconds: 1))
        usage.cgroupVersion = 1
        usage.cpu.nanoseconds = 5
        usage.cpu.machineNanoseconds = 50
        usage.networks["eth0"] = ContainerMeasurement.Interface()
        let answer = StatsAnswer(ContainerMeasurement(identifier: "ab", name: "web", usage: usage), before: nil)
        let data = try WireJSON.encodeVerbatim(answer)
        let fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            Set(fields.keys) == [
                "read", "preread", "pids_stats", "blkio_stats", "num_procs", "storage_stats", "cpu_stats",
                "precpu_stats", "memory_stats", "name", "id", "networks",
            ])
        let cpu = try #require(fields["cpu_stats"] as? [String: Any])
        #expect(cpu["system_cpu_usage"] as? Int == 50)
        #expect((cpu["cpu_usage"] as? [String: Any])?["total_usage"] as? Int == 5)
        let before = try #require(fields["precpu_stats"] as? [String: Any])
        #expect(before["system_cpu_usage"] == nil)
        #expect(fields["preread"] as? String == "0001-01-01T00:00:00Z")
    }
}
