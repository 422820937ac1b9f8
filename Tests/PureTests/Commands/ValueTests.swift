import Commands
import DockerClient
import Model
import Testing
@testable import Templates

@Suite struct CommandValueTests {
    private func failure(_ work: () throws -> Void) -> String? {
        do {
            try work()
            return nil
        } catch { return "\(error)" }
    }

    @Test func `sizes are powers of 1024`() throws {
        #expect(try ByteCount.parse("64m") == 64 << 20)
        #expect(try ByteCount.parse("1.5GB") == 3 << 29)
        #expect(try ByteCount.parse("10KiB") == 10 << 10)
        #expect(try ByteCount.parse("17") == 17)
        #expect(try ByteCount.parse("-1", allowsUnlimited: true) == -1)
        for text in ["foo", "-1", "1x", ""] {
            #expect(failure { _ = try ByteCount.parse(text) } == "invalid size: '\(text)'")
        }
    }

    @Test func `durations are read and written as Go does`() throws {
        for (text, nanoseconds) in [
            ("5s", 5_000_000_000), ("1h30m0s", 5_400_000_000_000), ("250ms", 250_000_000), ("1.5s", 1_500_000_000),
            ("0s", 0), ("2160h0m0s", 7_776_000_000_000_000),
        ] as [(String, Int64)] {
            #expect(try GoDuration.parse(text) == nanoseconds)
            #expect(GoDuration.text(nanoseconds) == text)
        }
        #expect(failure { _ = try GoDuration.parse("3") } == "time: missing unit in duration \"3\"")
        #expect(failure { _ = try GoDuration.parse("3x") } == "time: unknown unit \"x\" in duration \"3x\"")
        #expect(failure { _ = try GoDuration.parse("") } == "time: invalid duration \"\"")
    }

    @Test func `numbers that fit nowhere are none, and moments too far away the last there is`() throws {
        #expect(GoText.integer("-0x10") == -16)
        #expect(GoText.integer("-0x8000000000000000") == .min)
        for text in ["0x-1", "-0x-8000000000000000", "0x", "0x8000000000000000", "9223372036854775808"] {
            #expect(GoText.integer(text) == nil, "\(text)")
        }
        #expect(try Timestamps.parameter("-2550000h") == "9223372036.854775807")
        #expect(try Timestamps.parameter("2550000h").hasPrefix("-"))
    }

    @Test func `what an engine tells may be any number`() {
        let port: JSON = ["PrivatePort": JSON(Int64.max), "Type": "tcp"]
        for number in [JSON(Int64.max), JSON(Int64.min), JSON(Int64(-9_300_000_000)), "x", .null] {
            let thing: JSON = [
                "Created": number, "Size": number, "SharedSize": .number("-9223372036854775807"), "SizeRw": number,
                "SizeRootFs": number, "Ports": [port], "RepoTags": ["a:b"],
            ]
            let row = ContainerRow.row(thing, isShort: true)
            let images = ImageRow.rows(thing, isShort: true, showsDigests: true, tagsHaveDigests: true)
            for text in [row.fields["RunningFor"], images.first?.fields["CreatedSince"]] {
                #expect(text?.text.hasSuffix(" ago") == true)
            }
        }
        #expect(PortText.describe([port, port]).contains("9223372036854775807/tcp"))
        let numbers: [JSON] = ["1e300", "-1e300", "1e999", "-5", "0", "7"].map { .number($0) }
        for current in numbers {
            for total in numbers {
                for unit in ["", "layers"] {
                    let detail: JSON = ["current": current, "total": total, "units": .string(unit)]
                    #expect(ProgressDisplay.bar(detail, columns: 200).count < 400)
                }
            }
        }
    }

    @Test func `CPUs are billionths`() throws {
        #expect(try CPUCount.nanoseconds("1.5") == 1_500_000_000)
        #expect(try CPUCount.nanoseconds(".05") == 50_000_000)
        #expect(failure { _ = try CPUCount.nanoseconds("abc") } == "failed to parse abc as a rational number")
    }

    @Test func `ports of containers`() throws {
        let mapping = try PortMapping.parse("127.0.0.1:8000-8001:80-81/udp")
        #expect(mapping.bindings.map(\.port) == ["80/udp", "81/udp"])
        #expect(
            mapping.bindings.map(\.binding) == [
                PortBinding(hostIp: "127.0.0.1", hostPort: "8000"), PortBinding(hostIp: "127.0.0.1", hostPort: "8001"),
            ])
        #expect(try PortMapping.parse("[::1]:80:80").address == "::1")
        #expect(try PortMapping.parse("8000-8010:80").bindings[0].binding.hostPort == "8000-8010")
        #expect(try PortMapping.parse("80").bindings[0].binding.hostPort == "")
        #expect(failure { _ = try PortMapping.parse("99999:80") } == "invalid hostPort: 99999")
        #expect(failure { _ = try PortMapping.parse("foo") } == "invalid containerPort: foo")
        #expect(failure { _ = try PortMapping.parse("80/icmp") } == "invalid proto: icmp")
    }

    @Test func `ports of services, short and long`() throws {
        #expect(
            try ServicePort.parse("8080:80").map { try JSON(encoding: $0).compact() } == [
                #"{"Protocol":"tcp","PublishMode":"ingress","PublishedPort":8080,"TargetPort":80}"#
            ])
        #expect(
            try ServicePort.parse("published=3306,target=3306,mode=host,protocol=udp").map {
                try JSON(encoding: $0).compact()
            } == [#"{"Protocol":"udp","PublishMode":"host","PublishedPort":3306,"TargetPort":3306}"#])
        #expect(try ServicePort.parse("80-82").count == 3)
        #expect(try ServicePort.parse("127.0.0.1:8080:80").map(\.publishedOn) == [["127.0.0.1"]])
        let chosen = try ServicePort.parse(
            "published=8080,target=80,ip=10.0.0.0/8,ip=192.0.2.1,interface=eth1,local,affinity=source")
        #expect(chosen.map(\.publishedOn) == [["10.0.0.0/8", "192.0.2.1", "eth1"]])
        #expect(chosen.map(\.onlyLocal) == [true] && chosen.map(\.affinity) == ["source"])
        for (text, error) in [
            ("target=1,ip=eth0", "invalid ip: eth0"), ("target=1,interface=10.0.0.1", "invalid interface: 10.0.0.1"),
            ("target=1,affinity=cookie", "invalid affinity: cookie"), ("target=1,local=maybe", "invalid local: maybe"),
            ("target=1,interface=a name", "invalid interface: a name"),
        ] {
            #expect(failure { _ = try ServicePort.parse(text) } == error)
        }
        #expect(failure { _ = try ServicePort.parse("published=1") } == "missing mandatory field 'target'")
        #expect(failure { _ = try ServicePort.parse("target=1,x=2") } == "invalid field key: x")
    }

    @Test func `mounts`() throws {
        let bind = try MountOption.parse("type=bind,src=/a,dst=/b,readonly,bind-propagation=rshared")
        #expect(bind.type == "bind" && bind.source == "/a" && bind.target == "/b" && bind.readOnly)
        #expect(bind.bindOptions?.propagation == "rshared" && bind.volumeOptions == nil)
        let temporary = try MountOption.parse("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700")
        #expect(temporary.tmpfsOptions?.sizeBytes == 1_048_576 && temporary.tmpfsOptions?.mode == 448)
        let wrong = [
            "foo": "invalid field 'foo' must be a key=value pair", "type=bind,src=x": "target is required",
            "foo=bar": "unexpected key 'foo' in 'foo=bar'",
            "target=/x,readonly=foo": "invalid value for readonly: foo",
            "type=volume,bind-propagation=shared,target=/x": "cannot mix 'bind-*' options with mount type 'volume'",
            "type=tmpfs,target=/x,tmpfs-size=foo": "invalid value for tmpfs-size: foo",
        ]
        for (text, message) in wrong { #expect(failure { _ = try MountOption.parse(text) } == message) }
    }

    @Test func `networks, limits and words of a shell`() throws {
        let network = try NetworkOption.parse("name=a,alias=b,alias=c,ip=10.0.0.9")
        #expect(network.name == "a" && network.aliases == ["b", "c"])
        #expect(network.endpoint().aliases == ["b", "c"])
        #expect(try JSON(encoding: network.endpoint())["IPAMConfig"].compact() == #"{"IPv4Address":"10.0.0.9"}"#)
        #expect(failure { _ = try NetworkOption.parse("name=x,foo=1") } == "invalid field key foo")
        #expect(try network.attachment(id: "n").driverOpts == ["apus.ip": "10.0.0.9"])
        let six = try NetworkOption.parse("name=a,ip6=fd00::9")
        #expect(try six.attachment(id: "n").driverOpts == ["apus.ip": "fd00::9"])
        let both = try NetworkOption.parse("name=a,ip=10.0.0.9,ip6=fd00::9")
        #expect(
            failure { _ = try both.attachment(id: "n") }
                == "a service may ask for one address in a network: ip or ip6")
        let limit = try UserLimitOption.parse("nofile=1:2")
        #expect(limit.name == "nofile" && limit.hard == 2 && limit.soft == 1)
        #expect(failure { _ = try UserLimitOption.parse("x") } == "invalid ulimit argument: x")
        #expect(try ShellWords.split(#"a 'b c' "d \"e" f\ g"#) == ["a", "b c", #"d "e"#, "f g"])
        #expect(GoText.commaSeparated(#"a,"b,c",d"#) == ["a", "b,c", "d"])
    }

    @Test func `pools of a network take ranges and gateways by address`() throws {
        let pools = try NetworkCreation.pools(
            subnets: ["192.168.0.0/16", "192.170.0.0/16"], ranges: ["192.168.1.0/24"],
            gateways: ["192.170.0.100", "192.168.0.100"], auxiliary: ["a": "192.170.0.5"])
        #expect(
            try pools.map { try JSON(encoding: $0).compact() } == [
                #"{"Gateway":"192.168.0.100","IPRange":"192.168.1.0/24","Subnet":"192.168.0.0/16"}"#,
                #"{"AuxiliaryAddresses":{"a":"192.170.0.5"},"Gateway":"192.170.0.100","Subnet":"192.170.0.0/16"}"#,
            ])
        func message(_ subnets: [String], _ ranges: [String], _ gateways: [String]) -> String? {
            do {
                _ = try NetworkCreation.pools(subnets: subnets, ranges: ranges, gateways: gateways, auxiliary: [:])
                return nil
            } catch { return error.message }
        }
        #expect(message([], [], ["1.2.3.4"]) == "every ip-range or gateway must have a corresponding subnet")
        #expect(message(["172.31.0.0/24"], [], ["1.2.3.4"]) == "no matching subnet for gateway 1.2.3.4")
        #expect(message(["172.31.0.0/24"], ["10.1.0.0/24"], []) == "no matching subnet for range 10.1.0.0/24")
    }

    @Test func `images by name`() throws {
        let short = try ImageName(parsing: "nginx")
        #expect(short.full == "docker.io/library/nginx" && short.withTag.familiar == "nginx:latest")
        let own = try ImageName(parsing: "127.0.0.1:5000/a/b:1")
        #expect(own.familiarName == "127.0.0.1:5000/a/b" && own.tag == "1")
        #expect(throws: ExitError.self) { try ImageName(parsing: "Nginx") }
        #expect(throws: ExitError.self) { try ImageName(parsing: "a:b:c/d") }
        #expect(try ImageName(parsing: "[::1]:5000/a").familiarName == "[::1]:5000/a")
        #expect(try ImageName(parsing: "Host/a").familiarName == "Host/a")
        let capital = #expect(throws: ExitError.self) { try ImageName(parsing: "Bad") }
        #expect(capital?.message == "invalid reference format: repository name (library/Bad) must be lowercase")
    }

    @Test func `sizes and times for people`() {
        #expect(Units.size(Int64(1_984_950)) == "1.985MB" && Units.size(Int64(1_984_950), digits: 3) == "1.98MB")
        #expect(Units.binarySize(25_275_000_000) == "23.54GiB" && Units.size(Int64(0)) == "0B")
        let second: Int64 = 1_000_000_000
        for (seconds, text) in [
            (0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"), (3600, "About an hour"), (7200, "2 hours"), (86_400 * 2, "2 days"),
            (86_400 * 14, "2 weeks"), (86_400 * 60, "2 months"), (86_400 * 365 * 2, "2 years"),
        ] as [(Int64, String)] {
            #expect(Units.duration(seconds * second) == text)
        }
        #expect(NaturalOrder.comesBefore("web.2", "web.10") && !NaturalOrder.comesBefore("web.10", "web.2"))
    }

    @Test func `ports in lists stand together where they can`() throws {
        let ports = try JSON(
            parsing: Array(
                #"""
                [{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":443,"Type":"tcp"},
                 {"PrivatePort":444,"Type":"tcp"},{"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                 {"IP":"0.0.0.0","PrivatePort":53,"PublicPort":53,"Type":"udp"}]
                """#.utf8))
        #expect(
            PortText.describe(ports.elements)
                == "0.0.0.0:53->53/udp, 443-444/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
    }
}
