import Commands
import DockerClient
import Model
import Testing
@testable import Templates

@Suite struct GrammarTests {
    func invocation(_ line: [String]) throws -> (Command, Invocation) {
        let (command, used, count) = try #require(CommandList.find(line))
        let found = try #require(command)
        let parsed = try FlagParser(found.flags, stopsAtArgument: found.stopsAtArgument).parse(
            Array(line.dropFirst(count)))
        let session = try Session(
            environment: ["HOME": "/root", "FROM_HERE": "1"],
            global: try FlagParser(
                CommandFlag.flags(
                    in: "  -H, --host string   x\n  -c, --context string   x\n      --tls   x\n      --tlsverify   x")
            )
            .parse([]))
        return (
            found,
            Invocation(flags: parsed, arguments: parsed.rest, used: used, session: session, help: found.help)
        )
    }

    private func command(_ arguments: String...) throws -> Command {
        try #require(CommandList.find(arguments)?.command)
    }

    private func message(_ line: [String]) -> String? {
        do {
            _ = try invocation(line)
            return nil
        } catch { return (error as? UsageError)?.message ?? "\(error)" }
    }

    @Test func `flags are read from the help`() throws {
        let flags = try command("run").flags
        #expect(flags.contains(CommandFlag(name: "publish", short: "p", type: "list")))
        #expect(flags.contains(CommandFlag(name: "rm", short: nil, type: "")))
        #expect(flags.contains(CommandFlag(name: "memory", short: "m", type: "bytes")))
        #expect(flags.count > 95, "docker run has about a hundred flags: \(flags.count)")
        #expect(try command("service", "create").flags.count > 70 && command("service", "update").flags.count > 90)
    }

    @Test func `flags as Docker takes them`() throws {
        let (_, call) = try invocation([
            "run", "-itd", "-p80:80", "--name=a", "-e", "A=1", "--rm", "busybox", "ls", "-la",
        ])
        #expect(call.flags.isSet("interactive") && call.flags.isSet("tty") && call.flags.isSet("detach"))
        #expect(call.flags.list("publish") == ["80:80"] && call.flags.string("name") == "a")
        #expect(call.arguments == ["busybox", "ls", "-la"])
        let (_, later) = try invocation([
            "network", "create", "br1", "--subnet", "10.0.0.0/8,10.1.0.0/16", "--internal=false",
        ])
        #expect(later.arguments == ["br1"] && later.flags.list("subnet").count == 2 && !later.flags.isSet("internal"))
    }

    @Test(
        arguments: [
            (["run", "--foo"], "unknown flag: --foo"), (["run", "-Z"], "unknown shorthand flag: 'Z' in -Z"),
            (["run", "-m"], "flag needs an argument: 'm' in -m"),
            (["run", "--memory"], "flag needs an argument: --memory"),
            (["run", "--memory", "foo"], "invalid argument \"foo\" for \"-m, --memory\" flag: invalid size: 'foo'"),
            (
                ["ps", "--last", "foo"],
                "invalid argument \"foo\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"foo\": invalid syntax"
            ),
            (
                ["service", "create", "--replicas", "-1"],
                "invalid argument \"-1\" for \"--replicas\" flag: strconv.ParseUint: parsing \"-1\": invalid syntax"
            ),
            (
                ["network", "ls", "--filter", "x"],
                "invalid argument \"x\" for \"-f, --filter\" flag: bad format of filter (expected name=value)"
            ),
            (
                ["run", "--detach=foo"],
                "invalid argument \"foo\" for \"-d, --detach\" flag: strconv.ParseBool: parsing \"foo\": invalid syntax"
            ),
            (["run", "-e", "=x"], "invalid argument \"=x\" for \"-e, --env\" flag: invalid environment variable: =x"),
            (
                ["run", "--sysctl", "bogus.x=1"],
                "invalid argument \"bogus.x=1\" for \"--sysctl\" flag: sysctl 'bogus.x=1' is not allowed"
            ),
            (
                ["run", "--add-host", "foo"],
                "invalid argument \"foo\" for \"--add-host\" flag: bad format for add-host: \"foo\""
            ),
            (
                ["run", "--dns", "foo"],
                "invalid argument \"foo\" for \"--dns\" flag: IP address is not correctly formatted: foo"
            ),
            (
                ["run", "-a", "foo"],
                "invalid argument \"foo\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT and STDERR"
            ),
            (
                ["service", "create", "--placement-pref", "foo"],
                "invalid argument \"foo\" for \"--placement-pref\" flag: placement preference must be of the format \"<strategy>=<arg>\""
            ),
            (
                ["service", "update", "--placement-pref-rm", "a=b"],
                "invalid argument \"a=b\" for \"--placement-pref-rm\" flag: unsupported placement preference a (only spread is supported)"
            ),
            (
                ["service", "create", "--generic-resource", "foo"],
                "invalid argument \"foo\" for \"--generic-resource\" flag: invalid generic-resource format `foo` expected `name=value`"
            ),
            (
                ["service", "create", "--config", "x=,"],
                "invalid argument \"x=,\" for \"--config\" flag: invalid field in config request: x"
            ),
            (
                ["service", "update", "--secret-add", "source="],
                "invalid argument \"source=\" for \"--secret-add\" flag: source is required"
            ),
            (
                ["service", "create", "--config", "source=a,mode=x"],
                "invalid argument \"source=a,mode=x\" for \"--config\" flag: invalid mode specified: strconv.ParseUint: parsing \"x\": invalid syntax"
            ),
            (
                ["run", "--gpus", "count=x"],
                "invalid argument \"count=x\" for \"--gpus\" flag: invalid count (x): value must be either \"all\" or an integer: invalid syntax"
            ),
            (
                ["run", "--gpus", "foo=1"],
                "invalid argument \"foo=1\" for \"--gpus\" flag: unexpected key 'foo' in 'foo=1'"
            ),
            (
                ["run", "--device-read-bps", "foo"],
                "invalid argument \"foo\" for \"--device-read-bps\" flag: bad format: foo"
            ),
            (
                ["run", "--device-write-iops", "/dev/a:1kb"],
                "invalid argument \"/dev/a:1kb\" for \"--device-write-iops\" flag: invalid rate for device: /dev/a:1kb. The correct format is <device-path>:<number>. Number must be a positive integer"
            ),
            (
                ["run", "--device-read-iops", "/dev/a:-1"],
                "invalid argument \"/dev/a:-1\" for \"--device-read-iops\" flag: invalid rate for device: /dev/a:-1. The correct format is <device-path>:<number>. Number must be a positive integer"
            ),
            (
                ["service", "create", "--secret", "source=a,mode=08"],
                "invalid argument \"source=a,mode=08\" for \"--secret\" flag: invalid mode specified: strconv.ParseUint: parsing \"08\": invalid syntax"
            ),
            (
                ["run", "--blkio-weight-device", "/dev/a:5"],
                "invalid argument \"/dev/a:5\" for \"--blkio-weight-device\" flag: invalid weight for device: /dev/a:5"
            ),
            (
                ["run", "--device-cgroup-rule", "c 1:3 rwx"],
                "invalid argument \"c 1:3 rwx\" for \"--device-cgroup-rule\" flag: invalid device cgroup format 'c 1:3 rwx'"
            ),
            (
                ["swarm", "init", "--default-addr-pool", "10.0.0.0/8,b"],
                "invalid argument \"10.0.0.0/8,b\" for \"--default-addr-pool\" flag: invalid string being converted to CIDR: b"
            ),
            (
                ["service", "create", "--publish", "99999:80"],
                "invalid argument \"99999:80\" for \"-p, --publish\" flag: invalid hostPort: 99999"
            ),
        ] as [([String], String)])
    func `wrong flags are refused in Docker's arguments`(line: [String], text: String) {
        #expect(message(line) == text)
    }

    @Test(arguments: [
        ["run", "--device-cgroup-rule", "a *:* rwm", "--device-cgroup-rule", "c 1:3 mr", "x"],
        ["run", "--gpus", "all", "--gpus", "count=2,driver=nvidia,capabilities=compute", "x"],
        ["run", "--gpus", "\"options=a=b,c=d\",device=0", "x"],
        ["service", "create", "--config", "source=a,mode=0x1F", "--secret", "source=a,mode=292", "x"],
        ["run", "--device-read-bps", "/dev/a:1mb", "--blkio-weight-device", "/dev/a:10", "x"],
        ["service", "create", "--placement-pref", "spread=node.labels.a", "--generic-resource", "a=b", "x"],
        ["service", "create", "--secret", "a", "--config", "source=a,target=/b,mode=0400", "x"],
    ])
    func `flags with a form of their own are taken`(line: [String]) { #expect(message(line) == nil) }

    @Test func `commands have paths of their own`() {
        var seen: Set<String> = []
        for command in CommandList.all {
            for path in [command.path] + command.aliases { #expect(seen.insert(path).inserted, "\(path) twice") }
            #expect(command.help.hasPrefix("Usage:  apus \(command.path)"), "\(command.path)")
            #expect(!command.summary.isEmpty, "\(command.path)")
        }
    }

    /// Every flag that a request reads is in the help, or reading it stops a debug build.
    @Test func `the request of a container`() throws {
        let (_, call) = try invocation([
            "run", "-it", "--name", "a", "-p", "8081:80", "--expose", "90", "-v", "/a:/b:ro", "-v", "/c", "-e", "A=1",
            "-e",
            "FROM_HERE", "--network", "net", "--network-alias", "x", "--ip", "10.0.0.9", "--memory", "64m", "--cpus",
            "1.5",
            "--restart", "on-failure:3", "--health-cmd", "true", "--health-interval", "5s", "--tmpfs", "/t:size=1m",
            "--label", "k=v", "--entrypoint", "sh", "nginx", "-c", "ls",
        ])
        let body = try JSON(encoding: try ContainerRequest(call).request())
        #expect(
            body["Image"] == "nginx" && body["Cmd"].compact() == #"["-c","ls"]"#
                && body["Entrypoint"].compact() == #"["sh"]"#)
        #expect(body["Env"].compact() == #"["A=1","FROM_HERE=1"]"# && body["StdinOnce"].isTrue && body["Tty"].isTrue)
        #expect(
            body["ExposedPorts"].compact() == #"{"80/tcp":{},"90/tcp":{}}"#
                && body["Volumes"].compact() == #"{"/c":{}}"#)
        #expect(body["Healthcheck"].compact() == #"{"Interval":5000000000,"Test":["CMD-SHELL","true"]}"#)
        let host = body["HostConfig"]
        #expect(host["Binds"].compact() == #"["/a:/b:ro"]"# && host["NetworkMode"] == "net")
        #expect(host["PortBindings"].compact() == #"{"80/tcp":[{"HostIp":"","HostPort":"8081"}]}"#)
        #expect(host["Memory"] == 67_108_864 && host["NanoCpus"] == 1_500_000_000)
        #expect(host["RestartPolicy"].compact() == #"{"MaximumRetryCount":3,"Name":"on-failure"}"#)
        #expect(host["Tmpfs"].compact() == #"{"/t":"size=1m"}"#)
        let endpoint = body["NetworkingConfig"]["EndpointsConfig"]["net"]
        #expect(
            endpoint["Aliases"] == ["x"] && endpoint["IPAMConfig"].compact() == #"{"IPv4Address":"10.0.0.9"}"#)
    }

    @Test func `what contradicts itself is refused`() throws {
        func text(_ line: [String]) -> String? {
            do {
                _ = try ContainerRequest(try invocation(line).1).request()
                return nil
            } catch { return (error as? ExitError)?.message ?? "\(error)" }
        }
        #expect(
            text(["run", "--rm", "--restart", "always", "x"])
                == "conflicting options: cannot specify both --restart and --rm")
        #expect(text(["run", "--pid", "foo", "x"]) == "--pid: invalid PID mode")
        #expect(text(["run", "--mac-address", "foo", "x"]) == "foo is not a valid mac address")
        #expect(
            text(["run", "--no-healthcheck", "--health-cmd", "y", "x"])
                == "--no-healthcheck conflicts with --health-* options")
        #expect(text(["run", "-p", "99999:80", "x"]) == "invalid hostPort: 99999")
        #expect(
            text(["run", "--network", "host", "--network-alias", "y", "x"])
                == "network-scoped aliases are only supported for user-defined networks")
    }

    @Test func `the request of a service`() throws {
        let (_, call) = try invocation([
            "service", "create", "--name", "web", "--env", "A=1", "--replicas", "3", "-p", "8080:80", "--constraint",
            "node.role==worker", "--limit-memory", "64m", "--update-parallelism", "2", "--restart-condition", "none",
            "--mount", "type=volume,source=a,target=/b", "--label", "x=y", "nginx", "sh",
        ])
        let spec = try JSON(encoding: try ServiceRequest(call).specification())
        #expect(spec["Name"] == "web" && spec["Mode"].compact() == #"{"Replicated":{"Replicas":3}}"#)
        let task = spec["TaskTemplate"]
        #expect(task["ContainerSpec"]["Image"] == "nginx" && task["ContainerSpec"]["Args"].compact() == #"["sh"]"#)
        #expect(task["Resources"].compact() == #"{"Limits":{"MemoryBytes":67108864},"Reservations":{}}"#)
        #expect(task["Placement"].compact() == #"{"Constraints":["node.role==worker"]}"#)
        #expect(task["RestartPolicy"]["Condition"] == "none" && spec["UpdateConfig"]["Parallelism"] == 2)
        #expect(spec["UpdateConfig"]["Monitor"] == 5_000_000_000 && spec["RollbackConfig"].isNull)
        #expect(throws: ExitError.self) {
            try ServiceRequest(try invocation(["service", "create", "--mode", "global", "--replicas", "2", "x"]).1)
                .specification()
        }
    }

    @Test func `an update changes what its flags name`() async throws {
        let before: JSON = [
            "Name": "web", "Labels": ["a": "1", "b": "2"], "Mode": ["Replicated": ["Replicas": 1]],
            "TaskTemplate": [
                "ContainerSpec": [
                    "Image": "nginx", "Env": ["A=1", "B=2"], "Mounts": [["Type": "volume", "Target": "/x"]],
                ],
                "Placement": ["Constraints": ["node.id==1"]], "ForceUpdate": 4,
            ],
            "EndpointSpec": ["Ports": [["Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080]]],
        ]
        let (_, call) = try invocation([
            "service", "update", "--env-add", "A=9", "--env-rm", "B", "--label-rm", "a", "--label-add", "c=3",
            "--replicas", "5",
            "--publish-rm", "80", "--publish-add", "90:91", "--constraint-rm", "node.id==1", "--mount-rm", "/x",
            "--force", "--image",
            "nginx:2", "--limit-cpu", "0.5", "web",
        ])
        var service = try EditedObject<ServiceSpec>(before)
        try await ServiceChange(call, nil).apply(to: &service.value)
        let spec = try service.json()
        let container = spec["TaskTemplate"]["ContainerSpec"]
        #expect(
            container["Env"].compact() == #"["A=9"]"# && container["Image"] == "nginx:2" && container["Mounts"].isNull)
        #expect(spec["Labels"].compact() == #"{"b":"2","c":"3"}"# && spec["Mode"]["Replicated"]["Replicas"] == 5)
        #expect(spec["EndpointSpec"]["Ports"].elements.map { $0["TargetPort"] } == [91])
        #expect(spec["TaskTemplate"]["Placement"]["Constraints"].isNull && spec["TaskTemplate"]["ForceUpdate"] == 5)
        #expect(spec["TaskTemplate"]["Resources"]["Limits"]["NanoCPUs"] == 500_000_000)
    }

    @Test func `what an update does not know goes back as it came`() async throws {
        let before = try JSON(
            parsing: Array(
                #"""
                {"Later":{"b":1,"a":[1.50]},"Name":"web","TaskTemplate":{"Newer":true,"ContainerSpec":{"Image":"nginx",
                "Mounts":[{"Type":"volume","Target":"/x","Kind":{"z":1}},{"Type":"volume","Target":"/y","Kind":{"z":2}}]}},
                "Mode":{"Replicated":{"Replicas":1,"Spare":2}},"Labels":{"a":"1"}}
                """#.utf8))
        var untouched = try EditedObject<ServiceSpec>(before)
        try await ServiceChange(try invocation(["service", "update", "web"]).1, nil).apply(to: &untouched.value)
        #expect(try untouched.json() == before)
        let (_, call) = try invocation([
            "service", "update", "--replicas", "5", "--mount-rm", "/x", "--mount-add", "target=/z", "--hostname", "h",
            "web",
        ])
        var changed = try EditedObject<ServiceSpec>(before)
        try await ServiceChange(call, nil).apply(to: &changed.value)
        let after = try changed.json()
        #expect(
            after["Later"] == before["Later"] && after["TaskTemplate"]["Newer"].isTrue && after["Labels"] == ["a": "1"])
        #expect(after["Mode"].compact() == #"{"Replicated":{"Replicas":5,"Spare":2}}"#)
        let container = after["TaskTemplate"]["ContainerSpec"]
        #expect(container["Hostname"] == "h" && container["Image"] == "nginx")
        #expect(container["Mounts"].elements.map { $0["Target"] } == ["/y", "/z"])
        #expect(container["Mounts"][0] == before["TaskTemplate"]["ContainerSpec"]["Mounts"][1])
    }

    @Test func `capabilities that are added are not dropped, and changes undo each other`() {
        #expect(
            CapabilityFlags.names(["net_admin", "CAP_CHOWN", "all", "chown"]) == ["ALL", "CAP_CHOWN", "CAP_NET_ADMIN"])
        let both = CapabilityFlags(adding: ["CHOWN", "KILL"], dropping: ["CHOWN", "ALL"])
        #expect(both.added == ["CAP_CHOWN", "CAP_KILL"] && both.dropped == ["ALL"])
        func after(_ adding: [String], _ dropping: [String]) -> [[String]] {
            var known = CapabilityFlags(adding: ["CAP_CHOWN"], dropping: ["CAP_KILL"])
            known.change(adding: adding, dropping: dropping)
            return [known.added, known.dropped]
        }
        #expect(after(["KILL"], []) == [["CAP_CHOWN"], []])
        #expect(after([], ["CHOWN"]) == [[], ["CAP_KILL"]])
        #expect(after(["KILL"], ["KILL"]) == [["CAP_CHOWN"], []])
        #expect(after(["NET_ADMIN"], ["NET_ADMIN"]) == [["CAP_CHOWN", "CAP_NET_ADMIN"], ["CAP_KILL"]])
        #expect(after(["RESET", "NET_ADMIN"], ["SETUID"]) == [["CAP_NET_ADMIN"], ["CAP_KILL", "CAP_SETUID"]])
        #expect(after(["ALL"], ["RESET"]) == [["ALL"], []])
    }

    @Test func `progress of a pull and of a service`() throws {
        var plain = ProgressDisplay(isTerminal: false, columns: 200)
        let pulling: JSON = ["id": "a", "status": "Pulling fs layer", "progressDetail": .object([])]
        let loading: JSON = ["id": "a", "status": "Downloading", "progressDetail": ["current": 5, "total": 10]]
        #expect(try plain.show(pulling) == "a: Pulling fs layer\n")
        #expect(try plain.show(loading).isEmpty)
        #expect(throws: ExitError(1, "no")) { try plain.show(["errorDetail": ["message": "no"], "error": "no"]) }
        var tty = ProgressDisplay(isTerminal: true, columns: 80)
        #expect(try tty.show(pulling) == "\n\u{1b}[1A\u{1b}[2K\ra: Pulling fs layer \r\u{1b}[1B")
        #expect(
            ProgressDisplay.bar(["current": 50, "total": 100], columns: 200)
                == "[=========================>                         ]      50B/100B")
        let service: JSON = ["Spec": ["Mode": ["Replicated": ["Replicas": 1]]]]
        var progress = ServiceProgress(service)
        func task(_ state: String) -> JSON {
            ["ID": "t", "Slot": 1, "NodeID": "n", "DesiredState": "running", "Status": ["State": .string(state)]]
        }
        let first = progress.update(service, [task("preparing")], activeNodes: ["n"], false)
        #expect(
            first.messages.map { "\($0["id"].text): \($0["status"].text)" } == [
                "overall progress: 0 out of 1 tasks", "1/1:  ", "1/1: preparing", "overall progress: 0 out of 1 tasks",
            ])
        #expect(!first.isConverged)
        #expect(progress.update(service, [task("running")], activeNodes: ["n"], false).isConverged)
        #expect(!progress.update(service, [task("failed")], activeNodes: ["n"], false).isConverged)
    }

    @Test func `lines of a service's logs`() throws {
        let style = LogLineStyle(
            names: ["s": "web"], nodes: ["n": "node-1"], width: 2, hasTimestamps: true, showsDetails: true,
            showsTasks: true,
            isShort: true)
        let bytes = Array(
            "2026-11-23T06:21:58.85Z com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=v92sl0cbrlwsa7xfiiwcuh9dz,k=a%2Cb a line here\n"
                .utf8)
        let line = try ServiceLogLine(bytes, style)
        #expect(
            String(decoding: line.text(style, taskName: "1"), as: UTF8.self)
                == "2026-11-23T06:21:58.85Z web.1.v92sl0cbrlws@node-1     | k=a,b a line here\n")
    }
}
