import EngineInterface
import Testing

/// What options ask of a link, of a container and of a service's tasks alike.
@Suite struct LinkOptionsTests {
    private static let name = "com.docker.network.endpoint.ifname"
    private static let parameters = "com.docker.network.endpoint.sysctls"

    @Test func `a link's name and parameters are read, and what is another driver's is passed over`() throws {
        let read = try LinkOptions([
            Self.name: "lan0", "other": "x",
            Self.parameters: "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2",
        ])
        #expect(read.interfaceName == "lan0")
        let writes = read.writes(for: "lan0")
        #expect(writes.map(\.path) == ["net/ipv4/conf/lan0/log_martians", "net/ipv6/conf/lan0/accept_ra"])
        #expect(writes.map(\.value) == ["1", "2"])
        for nothing in [nil, [:], [Self.parameters: ""]] as [[String: String]?] {
            let read = try LinkOptions(nothing)
            #expect(read.interfaceName == nil && read.parameters.isEmpty)
        }
    }

    /// The `docker` command turns the options of `--network name=…` into small letters.
    @Test func `what stands for the link's name may be in small letters`() throws {
        let read = try LinkOptions([Self.parameters: "net.ipv4.neigh.ifname.ucast_solicit=5"])
        #expect(read.writes(for: "eth0").map(\.path) == ["net/ipv4/neigh/eth0/ucast_solicit"])
        #expect(throws: EndpointOptionError.invalidParameter("net.ipv4.neigh.Ifname.ucast_solicit=5")) {
            try LinkOptions([Self.parameters: "net.ipv4.neigh.Ifname.ucast_solicit=5"])
        }
    }

    @Test func `what makes no sense is refused with it, and what there is not by its name`() {
        for name in ["", "lo", "a/b", "abcdefghijklmnop"] {
            #expect(throws: EndpointOptionError.invalidInterfaceName(name)) { try LinkOptions([Self.name: name]) }
        }
        #expect(throws: EndpointOptionError.invalidParameter("net.core.IFNAME.a.b=1")) {
            try LinkOptions([Self.parameters: "net.core.IFNAME.a.b=1"])
        }
        #expect(throws: EndpointOptionError.unsupported("com.docker.network.endpoint.nosuch")) {
            try LinkOptions(["com.docker.network.endpoint.nosuch": "x"])
        }
    }
}
