import Foundation
import Testing

@testable import Model

@Suite struct WireJSONTests {
    @Test func `a host configuration is read and written in the API's spelling`() throws {
        let text = """
            {"Binds":null,"NetworkMode":"default","PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8088"}],"81/tcp":null},
             "Dns":["1.1.1.1"],"UTSMode":"host","OomScoreAdj":3,"NanoCpus":5,"Init":true,"Sysctls":{"net.x":"1"}}
            """
        let host = try WireJSON.decode(HostConfiguration.self, from: Data(text.utf8))
        #expect(host.nameServers == ["1.1.1.1"])
        #expect(host.utsMode == "host")
        #expect(host.oomScoreAdj == 3)
        #expect(host.portBindings?["80/tcp"] == [PortBinding(hostIp: "", hostPort: "8088")])
        let written = String(decoding: try WireJSON.encode(host), as: UTF8.self)
        for piece in [#""Dns":["1.1.1.1"]"#, #""UTSMode":"host""#, #""net.x":"1""#, #""80/tcp""#, #""Init":true"#] {
            #expect(written.contains(piece), "\(piece) in \(written)")
        }
    }

    @Test func `a service specification may leave out whatever has a default`() throws {
        let spec = try WireJSON.decode(
            ServiceSpec.self,
            from: Data(#"{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"i","DNSConfig":{}}}}"#.utf8))
        #expect(spec.taskTemplate.containerSpec?.image == "i")
        #expect(spec.taskTemplate.containerSpec?.dnsConfig == NameServiceConfiguration())
        #expect(spec.mode == ServiceMode())
    }

    @Test func `a step of an image's history without tags says null`() throws {
        var step = ImageHistory()
        let none = String(decoding: try WireJSON.encode(step), as: UTF8.self)
        #expect(none == #"{"Comment":"","Created":0,"CreatedBy":"","Id":"","Size":0,"Tags":null}"#)
        step.tags = ["busybox:latest"]
        #expect(String(decoding: try WireJSON.encode(step), as: UTF8.self).contains(#""Tags":["busybox:latest"]"#))
    }

    @Test func `numbers that Docker leaves out when they are zero are left out`() throws {
        func rewritten<Value: Codable>(_ type: Value.Type, _ text: String) throws -> String {
            String(decoding: try WireJSON.encode(WireJSON.decode(type, from: Data(text.utf8))), as: UTF8.self)
        }
        let zeros = #"{"Parallelism":0,"Delay":0,"Monitor":0,"MaxFailureRatio":0}"#
        #expect(try rewritten(UpdateConfiguration.self, zeros) == #"{"MaxFailureRatio":0,"Parallelism":0}"#)
        #expect(try rewritten(NodeResources.self, #"{"NanoCPUs":0,"MemoryBytes":0,"Pids":3}"#) == #"{"Pids":3}"#)
        #expect(try rewritten(NodeResources.self, #"{"MemoryBytes":7}"#) == #"{"MemoryBytes":7}"#)
    }

    @Test func `names survive the way to the wire and back`() {
        for name in [
            "id", "networkID", "ipamConfig", "ipAddress", "ipPrefixLen", "dnsConfig", "tlsInfo", "caConfig",
            "identifier",
            "nameServers", "utsMode", "iPv4Address", "virtualIPs", "pidsLimit", "ipcMode", "init", "processID",
            "system",
        ] {
            #expect(WireSpelling.inSwift(WireSpelling.onWire(name)) == name)
        }
        #expect(WireSpelling.onWire("ipcMode") == "IpcMode")
        #expect(WireSpelling.onWire("ipamConfig") == "IPAMConfig")
        #expect(WireSpelling.onWire("id") == "ID")
        #expect(WireSpelling.onWire("vip") == "VIP")
    }

    @Test func `how a name is spelled is found out once`() throws {
        let memo = SpellingMemo(WireSpelling.onWire)
        for _ in 0..<100 { #expect(memo.key("networkID").stringValue == "NetworkID") }
        #expect(memo.lookedFor == 1)
        let host = HostConfiguration()
        _ = try WireJSON.decode(HostConfiguration.self, from: try WireJSON.encode(host))
        let known = (WireJSON.onWire.lookedFor, WireJSON.inSwift.lookedFor)
        #expect(known.0 > 0 && known.1 > 0)
    }

    @Test func `names from outside hold no memory`() {
        let memo = SpellingMemo(WireSpelling.inSwift)
        for number in 0..<3 * SpellingMemo.maximumNames {
            #expect(memo.key("Name\(number)").stringValue == "name\(number)")
        }
        #expect(memo.count <= SpellingMemo.maximumNames)
        let kept = memo.count
        let long = String(repeating: "A", count: SpellingMemo.longestName + 1)
        #expect(memo.key(long).stringValue == "a" + long.dropFirst())
        #expect(memo.count == kept)
    }

    @Test(arguments: [
        "2026-11-23T06:21:52.586485768Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00.5Z", "2024-02-29T23:59:59Z",
    ])
    func `a time keeps its text`(text: String) {
        #expect(Timestamp(text)?.description == text)
    }

    @Test func `a time with an offset is taken to UTC`() {
        #expect(Timestamp("2026-11-23T06:21:52+01:30")?.description == "2026-11-23T04:51:52Z")
        #expect(Timestamp("2026-11-23 06:21") == nil)
    }
}
