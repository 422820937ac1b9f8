import Addressing
import ContainerRuntime
import EngineInterface
import Faults
import LinuxSystem
import Model
import NameService
import Orchestration
import TestKit
import Testing

@testable import Engine

/// Options that are read from texts.
@Suite struct OptionTests {
    @Test func `security options are read with an equals sign or a colon`() throws {
        for text in ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=1"] {
            #expect(try SecurityOptions([text]).noNewPrivileges, "\(text)")
        }
        for text in ["no-new-privileges:false", "no-new-privileges=0"] {
            #expect(try !SecurityOptions([text]).noNewPrivileges, "\(text)")
        }
        for text in ["seccomp:unconfined", "seccomp=unconfined"] {
            #expect(try SecurityOptions([text]).seccomp == .unconfined, "\(text)")
        }
        let profile = #"{"defaultAction":"SCMP_ACT_ALLOW"}"#
        #expect(try SecurityOptions(["seccomp=\(profile)"]).seccomp == .profile(Array(profile.utf8)))
        #expect(try SecurityOptions(["seccomp:\(profile)"]).seccomp == .profile(Array(profile.utf8)))
        for text in ["label=type:x", "label:disable", "disable", "apparmor:unconfined", "seccomp=builtin"] {
            #expect(try SecurityOptions([text]) == SecurityOptions([]), "\(text)")
        }
        for (text, number) in [("bogus", 1), ("bogus:1", 2), ("no-new-privileges=maybe", 2)] {
            #expect(throws: APIError(.invalidInput, "invalid --security-opt \(number): \"\(text)\"")) {
                try told {
                    try SecurityOptions([text])
                }
            }
        }
        #expect(throws: APIError.self) { try told { try SecurityOptions(["seccomp=/no/such/file"]) } }
        let refusal = #expect(throws: APIError.self) { try told { try SecurityOptions(["apparmor:mine"]) } }
        #expect(refusal?.kind == .notImplemented)
    }

    @Test func `a port is published at any address but IPv6's loopback`() throws {
        func check(_ addresses: [String]) throws {
            var host = HostConfiguration()
            host.portBindings = ["80/tcp": addresses.map { PortBinding(hostIp: $0, hostPort: "8080") }]
            try UnsupportedFeatures.check(ContainerConfiguration(), host)
        }
        for addresses in [
            ["", "::"], ["0.0.0.0", "::"], ["127.0.0.1"], ["::"], ["2001:db8::1"], ["127.0.0.1", "::"],
        ] {
            try check(addresses)
        }
        for addresses in [["::1"], ["", "::1"]] {
            let refusal = #expect(throws: APIError.self) { try told { try check(addresses) } }
            #expect(refusal?.kind == .notImplemented && refusal?.message.contains("IPv6 address") == true)
        }
        #expect(throws: APIError(.invalidInput, "invalid IP address: x:y")) { try told { try check(["x:y"]) } }
    }

    @Test func `a mount says what it is, and nothing of another kind`() throws {
        func mount(_ type: String, _ change: (inout Mount) -> Void = { _ in }) throws -> MountPlan.Entry {
            var mount = Mount()
            (mount.type, mount.target) = (type, "/m")
            if type == "bind" { mount.source = "/s" }
            change(&mount)
            return try MountRequest(mount).entry()
        }
        let options = [["exec"]]
        let scratch = try mount("tmpfs") {
            $0.tmpfsOptions = Mount.TmpfsOptions()
            $0.tmpfsOptions?.options = options
        }
        #expect(scratch.source == .tmpfs(options: "exec"))
        let refused: [(String, String, (inout Mount) -> Void)] = [
            ("tmpfs", "field VolumeOptions must not be specified", { $0.volumeOptions = Mount.VolumeOptions() }),
            ("volume", "field BindOptions must not be specified", { $0.bindOptions = Mount.BindOptions() }),
            ("tmpfs", "field Source must not be specified", { $0.source = "/x" }),
            ("image", "mount type unknown: \"image\"", { _ in }),
            (
                "bind", "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive",
                {
                    $0.bindOptions = Mount.BindOptions()
                    $0.bindOptions?.readOnlyForceRecursive = true
                }
            ),
            (
                "tmpfs", "invalid option: size=1",
                {
                    $0.tmpfsOptions = Mount.TmpfsOptions()
                    $0.tmpfsOptions?.options = [["size", "1"]]
                }
            ),
        ]
        for (type, why, change) in refused {
            #expect(throws: APIError(.invalidInput, "invalid mount config for type \"\(type)\": \(why)")) {
                try told {
                    try mount(type, change)
                }
            }
        }
    }

    @Test func `mount options are flags or the file system's own, as mount of util-linux has them`() {
        let read = MountOptions("ro,nosuid,addr=192.0.2.1,relatime,rw,vers=4,noexec,exec,,defaults")
        let (noSetUID, relativeAccessTimes): (UInt, UInt) = (1 << 1, 1 << 21)
        #expect(read.flags == noSetUID | relativeAccessTimes)
        #expect(read.data == ["addr=192.0.2.1", "vers=4"])
        let (bind, recursive, slave): (UInt, UInt, UInt) = (1 << 12, 1 << 14, 1 << 19)
        #expect(MountOptions("rbind,rslave").flags == bind | recursive | slave)
    }

    @Test func `ports that follow one another are told as a run`() throws {
        func record(_ name: String) -> ContainerRecord {
            ContainerRecord(
                id: name, name: name, created: .now, imageID: "", configuration: ContainerConfiguration(),
                hostConfig: HostConfiguration(), commandLine: ["x"])
        }
        var child = record("db")
        child.configuration.exposedPorts = ["81/tcp": Model.Empty(), "80/tcp": Model.Empty(), "90/udp": Model.Empty()]
        let address = IPAddress(172, 17, 0, 2)
        let link = LinkedContainer(child, as: "d", of: record("web"), at: address)
        #expect(
            link.environment == [
                "D_PORT=tcp://172.17.0.2:80", "D_PORT_80_TCP_START=tcp://172.17.0.2:80",
                "D_PORT_80_TCP_ADDR=172.17.0.2",
                "D_PORT_80_TCP_PROTO=tcp", "D_PORT_80_TCP_PORT_START=80", "D_PORT_80_TCP_END=tcp://172.17.0.2:81",
                "D_PORT_80_TCP_PORT_END=81", "D_PORT_80_TCP=tcp://172.17.0.2:80", "D_PORT_80_TCP_ADDR=172.17.0.2",
                "D_PORT_80_TCP_PORT=80", "D_PORT_80_TCP_PROTO=tcp", "D_PORT_81_TCP=tcp://172.17.0.2:81",
                "D_PORT_81_TCP_ADDR=172.17.0.2", "D_PORT_81_TCP_PORT=81", "D_PORT_81_TCP_PROTO=tcp",
                "D_PORT_90_UDP=udp://172.17.0.2:90", "D_PORT_90_UDP_ADDR=172.17.0.2", "D_PORT_90_UDP_PORT=90",
                "D_PORT_90_UDP_PROTO=udp", "D_NAME=/web/d",
            ])
        #expect(link.names == "d db")
        #expect(try LinkText("/db:/web/d") == LinkText("db:d"))
    }

    @Test func `a link on a network is a name that one container alone has`() throws {
        func record(_ name: String, _ address: String, links: [String]) -> ContainerRecord {
            var record = ContainerRecord(
                id: name + "-id", name: name, created: .now, imageID: "", configuration: ContainerConfiguration(),
                hostConfig: HostConfiguration(), commandLine: ["x"])
            var endpoint = EndpointRecord(networkID: "n", networkName: "net")
            endpoint.endpointID = "e-\(name)"
            endpoint.addresses = IPNetwork(address).map { EndpointAddresses($0) }
            endpoint.requested = EndpointSettings()
            endpoint.requested?.links = links
            record.endpoints = [endpoint]
            return record
        }
        let network = LocalNetwork(id: "n", name: "net", driver: "bridge", created: .now)
        let web = record("web", "10.9.0.2/24", links: ["db:store", "nosuch:x"])
        let db = record("db", "10.9.0.3/24", links: [])
        let composer = NameTableComposer(containers: [web, db], networks: [network])
        let name = try #require(DomainName("store"))
        #expect(composer.table(for: web).addresses(of: name) == [IPAddress(10, 9, 0, 3)])
        #expect(composer.table(for: db).addresses(of: name) == nil)
    }

    @Test func `what an endpoint asks for besides names and addresses is read or refused`() throws {
        func options(_ change: (inout EndpointSettings) -> Void) throws -> EndpointOptions {
            var settings = EndpointSettings()
            settings.ipamConfig = EndpointSettings.AddressRequest()
            change(&settings)
            return try EndpointOptions(settings)
        }
        let sysctls = "com.docker.network.endpoint.sysctls"
        let read = try options { $0.driverOpts = [sysctls: "net.ipv4.conf.IFNAME.log_martians=1", "other": "x"] }
        #expect(read.writes(for: "eth0.1").map(\.path) == ["net/ipv4/conf/eth0.1/log_martians"])
        for change: (inout EndpointSettings) -> Void in [
            { $0.ipamConfig?.linkLocalIPs = ["169.254.1.1"] },
            { $0.driverOpts = ["com.docker.network.endpoint.nosuch": "x"] },
        ] {
            let refusal = #expect(throws: APIError.self) { try told { try options(change) } }
            #expect(refusal?.kind == .notImplemented)
        }
        for name in ["a/b", "..", "", "abcdefghijklmnop", "lo", "a b", "a\"b", "a*", "a\\b"] {
            let refusal = #expect(throws: APIError.self) {
                try told {
                    try options { $0.driverOpts = ["com.docker.network.endpoint.ifname": name] }
                }
            }
            #expect(refusal?.kind == .invalidInput, "\(name)")
        }
        for text in [
            "net.ipv4.conf.eth0.x=1", "net.core.IFNAME.a.b=1", "kernel.x=1", "net.ipv4.conf.IFNAME.a/b=1", "x",
        ] {
            let refusal = #expect(throws: APIError.self) {
                try told { try options { $0.driverOpts = [sysctls: text] } }
            }
            #expect(refusal?.kind == .invalidInput, "\(text)")
        }
    }

    @Test func `a MAC is read as Docker reads it, or refused`() throws {
        for text in ["02:42:ac:11:00:02", "02-42-AC-11-00-02", "0242.ac11.0002"] {
            #expect(MACAddress(written: text) == MACAddress("02:42:ac:11:00:02"), "\(text)")
        }
        var settings = EndpointSettings()
        try EndpointOptions.check(settings)
        for text in [
            "zz", "02:42:ac:11:00", "02:42:ac:11:00:0g", "02:42-ac:11:00:02", "0242ac110002", "é:42:ac:11:00:02",
            "+2:42:ac:11:00:02", "0242.+c11.0002", "\u{ff11}1.ac11.0002",
        ] {
            settings.macAddress = text
            #expect(throws: EndpointOptionError.invalidMAC(text)) { try EndpointOptions.check(settings) }
        }
    }

    @Test func `a swarm's own pools are what its networks are cut from`() throws {
        var state = SwarmState()
        state.cluster = ClusterObject(id: "c")
        state.cluster?.defaultAddrPool = ["10.77.0.0/24", "10.78.0.0/16"]
        state.cluster?.subnetSize = 25
        func subnets(_ network: SwarmNetwork) -> [String] { network.addressRanges.map(\.subnet.description) }
        let ingress = NetworkAllocator(state: state).ingress(id: "ingress", at: .now)
        // Of IPv6 the pools have nothing: that is of the swarm's own prefix.
        #expect(subnets(ingress).first == "10.77.0.0/25")
        #expect(ingress.addressRanges.map(\.subnet.family) == [.v4, .v6])
        state.networks = ["ingress": ingress]
        for (name, subnet) in [("a", "10.77.0.128/25"), ("b", "10.78.0.0/25")] {
            var request = NetworkRequest()
            request.name = name
            let made = try NetworkAllocator(state: state).allocate(request, id: name, at: .now)
            #expect(subnets(made) == [subnet])
            state.networks[name] = made
        }
        for (pools, size, words) in [
            (["10.0.0.0/8"], 30, "subnet size is out of range: 30"),
            (["10.0.0.0/8"], 33, "subnet size is out of range: 33"),
            (["10.0.0.0/8"], -1, "subnet size is out of range: -1"),
            (["x"], 24, "invalid base pool x: invalid CIDR address: x"),
            (["10.0.0.0/26"], 24, "invalid CIDR: \"10.0.0.0/26\". Subnet size is too small for pool: 26"),
            (["10.0.0.0/8", "10.1.0.0/16"], 24, "base pool 10.1.0.0/16 overlaps with 10.0.0.0/8"),
        ] {
            #expect(throws: APIError(.invalidInput, words)) { try told { try DefaultAddressPools(pools, size: size) } }
        }
    }
}
