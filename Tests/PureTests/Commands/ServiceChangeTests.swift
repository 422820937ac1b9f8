import Commands
import DockerClient
import Model
import Testing

@testable import Templates

/// What `service update` takes away.
extension GrammarTests {
    @Test func `ports are taken away with their mode, names of hosts with an address or without, as in Docker`()
        async throws
    {
        func port(_ target: Int, _ mode: String) -> JSON {
            [
                "Protocol": "tcp", "TargetPort": JSON(target), "PublishedPort": JSON(target),
                "PublishMode": .string(mode),
            ]
        }
        let before: JSON = [
            "Name": "web",
            "TaskTemplate": [
                "ContainerSpec": [
                    "Image": "nginx",
                    "Hosts": [
                        "127.0.0.2 host3 host1 host2", "127.0.0.1 host1", "127.0.0.3 host4", "127.0.0.4 host4",
                    ],
                ],
                "LogDriver": ["Name": "syslog", "Options": ["tag": "a"]],
            ],
            "EndpointSpec": ["Ports": [port(80, "ingress"), port(81, "host"), port(82, "host")]],
        ]
        func after(_ flags: [String]) async throws -> JSON {
            var service = try EditedObject<ServiceSpec>(before)
            let (_, call) = try invocation(["service", "update"] + flags + ["web"])
            try await ServiceChange(call, nil).apply(to: &service.value)
            return try service.json()
        }
        func ports(_ flags: String...) async throws -> [JSON] {
            try await after(flags)["EndpointSpec"]["Ports"].elements.map { $0["TargetPort"] }
        }
        #expect(try await ports("--publish-rm", "target=81,mode=host", "--publish-rm", "82") == [80, 82])
        #expect(try await ports("--publish-rm", "80", "--publish-rm", "82:82") == [81, 82])
        #expect(try await ports("--publish-rm", "target=81") == [80, 81, 82])
        #expect(try await ports("--publish-rm", "published=80,target=80,mode=ingress") == [81, 82])
        func hosts(_ flags: String...) async throws -> JSON {
            try await after(flags)["TaskTemplate"]["ContainerSpec"]["Hosts"]
        }
        #expect(
            try await hosts("--host-rm", "host1", "--host-rm", "host4:127.0.0.3", "--host-add", "host1:10.0.0.1")
                == ["127.0.0.2 host3 host2", "127.0.0.4 host4", "10.0.0.1 host1"])
        let driver = try await after(["--log-opt", "tag=b"])["TaskTemplate"]["LogDriver"]
        #expect(driver["Name"] == "syslog" && driver["Options"].compact() == #"{"tag":"b"}"#)
    }
}
