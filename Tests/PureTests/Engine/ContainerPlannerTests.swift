import Addressing
import ContainerRuntime
import EngineInterface
import Faults
import Foundation
import Model
import TestKit
import Testing

@testable import Engine

@Suite struct ContainerPlannerTests {
    private func planner(_ change: (inout ContainerConfiguration) -> Void = { _ in }) -> ContainerPlanner {
        var configuration = ContainerConfiguration()
        configuration.env = ["PATH=/bin", "A=image"]
        configuration.entrypoint = StringList(["/entry"])
        configuration.cmd = StringList(["serve"])
        configuration.exposedPorts = ["80/tcp": Empty()]
        configuration.labels = ["from": "image", "both": "image"]
        change(&configuration)
        return ContainerPlanner(image: ImageDefaults(id: "sha256:1", configuration: configuration), cpuCount: 2)
    }

    private func plan(_ change: (inout ContainerCreateRequest) -> Void) throws -> ContainerRecord {
        var request = ContainerCreateRequest()
        request.configuration.image = "nginx"
        change(&request)
        return try planner().plan(request, id: String(repeating: "ab", count: 32), name: "web", at: .now)
    }

    @Test func `the image fills in what the request leaves out, and the request wins`() throws {
        let record = try plan { request in
            request.configuration.env = ["A=mine", "B=new", "PATH"]
            request.configuration.labels = ["both": "mine"]
            request.configuration.cmd = StringList(["other"])
        }
        #expect(record.commandLine == ["/entry", "other"])
        #expect(record.configuration.env == ["A=mine", "B=new", "PATH"])
        #expect(record.configuration.labels == ["from": "image", "both": "mine"])
        #expect(record.configuration.hostname == "abababababab")
        #expect(record.endpoints.map(\.networkName) == ["bridge"])
    }

    @Test func `an entry point of the request's own drops the image's command`() throws {
        #expect(try plan { $0.configuration.entrypoint = StringList(["/mine"]) }.commandLine == ["/mine"])
        #expect(throws: APIError(.invalidInput, "No command specified")) {
            try told {
                try plan { $0.configuration.entrypoint = StringList([""]) }
            }
        }
    }

    @Test func `a limit of memory beyond all machines is one`() throws {
        #expect(try plan { $0.hostConfig.memory = 64 << 20 }.hostConfig.memorySwap == 128 << 20)
        let record = try plan { $0.hostConfig.memory = .max }
        #expect(record.hostConfig.memory == .max)
        #expect(record.hostConfig.memorySwap == .max - 1)
    }

    @Test func `the MAC of a container is that of its main place, and the two may not differ`() throws {
        func record(_ own: String?, _ place: String) throws -> ContainerRecord {
            try plan { request in
                var settings = EndpointSettings()
                settings.macAddress = place
                request.configuration.macAddress = own
                request.networkingConfig = NetworkingConfiguration()
                request.networkingConfig?.endpointsConfig = ["bridge": settings]
            }
        }
        let (one, other) = ("02:00:00:00:00:01", "02:00:00:00:00:02")
        for (own, place) in [(one, ""), (one, one), (nil, one)] as [(String?, String)] {
            #expect(try record(own, place).endpoints.map(\.requestedMAC) == [MACAddress(one)])
        }
        #expect(throws: EndpointOptionError.conflictingMAC) { try record(one, other) }
        #expect(throws: EndpointOptionError.invalidMAC("zz")) { try record("zz", "") }
    }

    @Test func `a container whose network is off joins none`() throws {
        #expect(try plan { $0.configuration.networkDisabled = true }.endpoints.isEmpty)
        #expect(try plan { $0.configuration.networkDisabled = false }.endpoints.map(\.networkName) == ["bridge"])
    }

    @Test func `limits that cannot be are refused when the container is made, not when it is started`() throws {
        func refused(_ words: String, _ change: @escaping (inout HostConfiguration) -> Void) {
            #expect(throws: APIError(.invalidInput, words)) { try told { try plan { change(&$0.hostConfig) } } }
        }
        let period = "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        refused("SHM size can not be less than 0") { $0.shmSize = -1 }
        refused("Invalid value 1001, range for oom score adj is [-1000, 1000]") { $0.oomScoreAdj = 1001 }
        refused("Invalid value: 101, valid memory swappiness range is 0-100") { $0.memorySwappiness = 101 }
        refused("You should always set the Memory limit when using Memoryswap limit, see usage") { $0.memorySwap = 1 }
        refused("Minimum memory reservation allowed is 6MB") { $0.memoryReservation = -1 }
        refused("Minimum memory limit can not be less than memory reservation limit, see usage") {
            ($0.memory, $0.memoryReservation) = (8 << 20, 9 << 20)
        }
        refused(period) { $0.cpuPeriod = 999 }
        refused(period) { $0.cpuPeriod = .max }
        refused("CPU cfs quota can not be less than 1ms (i.e. 1000)") { $0.cpuQuota = 1 }
        refused("Range of blkio weight is from 10 to 1000") { $0.blkioWeight = 9 }
        for port in ["99999", "-1", "5-1", "x"] {
            refused("invalid port specification: \"\(port)\"") {
                $0.portBindings = ["80/tcp": [PortBinding(hostIp: "", hostPort: port)]]
            }
        }
        _ = try plan {
            $0.hostConfig.memorySwappiness = -1
            $0.hostConfig.memorySwap = -1
            $0.hostConfig.cpuQuota = -1
            $0.hostConfig.oomScoreAdj = -1000
            $0.hostConfig.portBindings = ["80/tcp": [PortBinding(hostIp: "", hostPort: "8000-8010")], "81": nil]
        }
    }

    @Test func `filters of a list take patterns and ranges of ports, and refuse what they cannot read`() throws {
        var record = try plan { _ in }
        record.publishedPorts = [PublishedPort(transport: .tcp, hostPort: 8080, containerPort: 80)]
        record.name = "shop_web_1"
        func found(_ filters: [String: [String]]) throws -> Bool {
            var query = ContainerQuery()
            query.all = true
            query.filters = Filters(filters)
            return try !ContainerSelection(query: query, imageNames: [:]).select([record]).isEmpty
        }
        for text in [#"^/shop_\w+_[0-9]+$"#, "^shop_(db|web)_1$"] { #expect(try found(["name": [text]])) }
        #expect(try !found(["name": ["^shop_db"]]))
        for text in ["80", "8080", "80/tcp", "8000-8100", "8080-8080/TCP"] { #expect(try found(["publish": [text]])) }
        for text in ["81", "80/udp", "8081-9000"] { #expect(try !found(["publish": [text]])) }
        #expect(try found(["expose": ["79-81"], "is-task": ["false"], "exited": []]))
        #expect(try !found(["is-task": ["true"]]))
        for (key, value) in [
            ("publish", "x"), ("publish", ""), ("publish", "9-8"), ("expose", "80/tcp/x"), ("expose", "65536"),
            ("exited", "x"),
        ] {
            #expect(throws: APIError(.invalidInput, "invalid filter '\(key)=\(value)'")) {
                try told { try found([key: [value]]) }
            }
        }
        #expect(throws: APIError(.invalidInput, "invalid filter 'is-task=[maybe]'")) {
            try told {
                try found(["is-task": ["maybe"]])
            }
        }
        #expect(throws: APIError(.invalidInput, "invalid filter 'is-task=[0 1]'")) {
            try told {
                try found(["is-task": ["0", "1"]])
            }
        }
    }

    @Test func `a container keeps the name of the runtime that it was made with`() throws {
        var planner = planner()
        var request = ContainerCreateRequest()
        request.configuration.image = "nginx"
        func runtime(_ wanted: String) throws -> String {
            request.hostConfig.runtime = wanted
            return try planner.plan(request, id: "ab", name: "web", at: .now).hostConfig.runtime
        }
        planner.runtimes = [.crun, .runc]
        #expect(try runtime("") == "crun")
        #expect(try runtime("runc") == "runc")
        #expect(throws: APIError(.invalidInput, "unknown or invalid runtime name: kata")) {
            try told { try runtime("kata") }
        }
        planner.runtimes = [.runc]
        #expect(try runtime("") == "runc")
        #expect(throws: APIError(.invalidInput, "unknown or invalid runtime name: crun")) {
            try told { try runtime("crun") }
        }
    }

    @Test func `what cannot be is refused in Docker's words`() {
        let cases: [(String, (inout HostConfiguration) -> Void)] = [
            ("Minimum memory limit allowed is 6MB", { $0.memory = 1 << 20 }),
            (
                "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
                { $0.nanoCpus = 100_000_000_000 }
            ),
            (
                "unknown log opt 'bogus' for syslog log driver",
                {
                    $0.logConfig.type = "syslog"
                    $0.logConfig.config = ["bogus": "1"]
                }
            ),
            (
                "syslog-address should be in form proto://address, got 127.0.0.1",
                {
                    $0.logConfig.type = "syslog"
                    $0.logConfig.config = ["syslog-address": "127.0.0.1"]
                }
            ),
            (
                "logger: logging mode not supported: x",
                {
                    $0.logConfig.type = "fluentd"
                    $0.logConfig.config = ["mode": "x"]
                }
            ),
            (
                "log driver gcplogs is not implemented by apus yet",
                {
                    $0.logConfig.type = "gcplogs"
                }
            ),
            (
                "unknown log opt 'bogus' for json-file log driver",
                {
                    $0.logConfig.config = ["bogus": "1"]
                }
            ),
            ("invalid --security-opt 2: \"bogus=1\"", { $0.securityOpt = ["bogus=1"] }),
            ("--ipc=none is not implemented by apus yet", { $0.ipcMode = "none" }),
            ("--annotation is not implemented by apus yet", { $0.annotations = ["a": "b"] }),
            ("invalid PID mode: bogus", { $0.pidMode = "bogus" }),
            (
                "conflicting options: dns and the network mode",
                {
                    $0.networkMode = "container:x"
                    $0.nameServers = ["192.0.2.1"]
                }
            ),
            (
                "can't create 'AutoRemove' container with restart policy",
                {
                    $0.autoRemove = true
                    $0.restartPolicy.name = "always"
                }
            ),
        ]
        for (message, change) in cases {
            let error = #expect(throws: APIError.self) { try told { try plan { change(&$0.hostConfig) } } }
            #expect(error?.message == message)
        }
    }

    @Test func `a variable without a value is kept, and keeps the image's out`() throws {
        let record = try plan { $0.configuration.env = ["PATH", "A=1"] }
        #expect(record.configuration.env.contains("PATH"))
        #expect(!record.configuration.env.contains { $0.hasPrefix("PATH=") })
        for wrong in ["=x", ""] {
            #expect(throws: APIError(.invalidInput, "invalid environment variable: \(wrong)")) {
                try told {
                    try plan { $0.configuration.env = [wrong] }
                }
            }
        }
    }

    @Test func `what a request leaves open is shown as what holds`() throws {
        let host = try plan { _ in }.hostConfig
        #expect(host.consoleSize == [0, 0])
        #expect(host.maskedPaths?.contains("/proc/kcore") == true && host.readonlyPaths?.contains("/proc/sys") == true)
        #expect(try plan { $0.hostConfig.privileged = true }.hostConfig.maskedPaths == nil)
    }

    @Test func `a stop signal is read when the container is made`() throws {
        for signal in ["BOGUS", "0", "65", "SIGRTMIN+16", "SIGRTMAX-15", "-1", "1.5"] {
            #expect(throws: APIError(.invalidInput, "Invalid signal: \(signal)")) {
                try told {
                    try plan { $0.configuration.stopSignal = signal }
                }
            }
        }
        for (signal, number) in [("SIGRTMIN+15", 49), ("rtmax-14", 50), ("15", 15), ("sigquit", 3), ("RTMIN", 34)] {
            #expect(try SignalName.parse(signal) == number)
            #expect(try plan { $0.configuration.stopSignal = signal }.configuration.stopSignal == signal)
        }
        #expect(try plan { $0.configuration.stopSignal = "" }.configuration.stopSignal == "")
    }

    @Test func `an IPC namespace that others may share is one of the container's own`() throws {
        let record = try plan { $0.hostConfig.ipcMode = "shareable" }
        #expect(record.hostConfig.ipcMode == "shareable")
        #expect(try plan { _ in }.hostConfig.ipcMode == "private")
    }

    @Test func `what is not to be had is refused by its name`() {
        let requests: [(name: String, change: (inout HostConfiguration) -> Void)] = [
            ("--annotation", { $0.annotations = ["a": "b"] }), ("--cgroup-parent", { $0.cgroupParent = "/x" }),
            ("--cpu-rt-period", { $0.cpuRealtimePeriod = 1 }), ("--ipc=none", { $0.ipcMode = "none" }),
            ("--isolation=hyperv", { $0.isolation = "hyperv" }),
            ("--security-opt apparmor=x", { $0.securityOpt = ["apparmor=x"] }),
            ("--device-read-bps", { $0.blkioDeviceReadBps = [.object([:])] }),
            ("--gpus", { $0.deviceRequests = [.object([:])] }), ("--storage-opt", { $0.storageOpt = ["size": "1g"] }),
            ("--userns=private", { $0.usernsMode = "private" }),
        ]
        for (name, change) in requests {
            let refusal = #expect(throws: APIError.self, "\(name)") { try told { try plan { change(&$0.hostConfig) } } }
            #expect(refusal?.kind == .notImplemented && refusal?.message.hasPrefix(name) == true, "\(name)")
        }
    }

    @Test(arguments: [0, -1, -7] as [Int64]) func `no limit of processes is none, at creation and later`(limit: Int64)
        throws
    {
        #expect(try plan { $0.hostConfig.pidsLimit = limit }.hostConfig.pidsLimit == nil)
        var changes = HostConfiguration()
        changes.pidsLimit = limit
        let before = try plan { $0.hostConfig.pidsLimit = 50 }.hostConfig
        let host = try ResourceUpdate(before).applying(changes)
        #expect(host.pidsLimit == 0)
        #expect(try #require(ResourceUpdate.resources(changes, in: host).processes) <= 0)
        #expect(ResourceUpdate.resources(HostConfiguration(), in: host).processes == nil)
    }

    @Test func `a name for the host's address becomes that address`() throws {
        let record = try plan { $0.hostConfig.extraHosts = ["host.example:host-gateway", "other:192.0.2.9"] }
        let gateway = try #require(IPAddress("172.17.0.1"))
        let text = try ContainerFiles.hosts(record, hostFile: "", hostGateway: gateway)
        #expect(text == "172.17.0.1\thost.example\n192.0.2.9\tother\n")
        #expect(throws: APIError.self) { try told { try ContainerFiles.hosts(record, hostFile: "", hostGateway: nil) } }
    }

    @Test func `mounts are read in every form, and a target is taken once`() throws {
        var host = HostConfiguration()
        host.binds = ["/host/./dir:/data:ro", "vol1:/vol", "/anonymous"]
        var mount = Mount()
        mount.type = "tmpfs"
        mount.target = "/t/"
        host.mounts = [mount]
        let plan = try MountPlan(ContainerConfiguration(), host)
        #expect(plan.entries.map(\.target) == ["/data", "/vol", "/anonymous", "/t"])
        #expect(plan.entries[0].source == .bind("/host/dir", createIfMissing: true))
        #expect(plan.entries[0].isReadOnly)
        #expect(plan.entries[2].source == .volume(nil))
        host.binds?.append("/x:/vol")
        #expect(throws: APIError(.invalidInput, "Duplicate mount point: /vol")) {
            try told {
                try MountPlan(ContainerConfiguration(), host)
            }
        }
        host.binds = ["/nosuch1:relative"]
        #expect(
            throws: APIError(
                .invalidInput,
                "invalid volume specification: '/nosuch1:relative': invalid mount config for type \"bind\": invalid mount path: "
                    + "'relative' mount path must be absolute")
        ) { try told { try MountPlan(ContainerConfiguration(), host) } }
    }

    @Test func `names have letters, digits and a few signs, and those that nobody chose have them, too`() {
        #expect(ContainerNames.isValid("a.b_c-1") && !ContainerNames.isValid("-a") && !ContainerNames.isValid("a b"))
        for _ in 0..<200 { #expect(ContainerNames.isValid(ContainerNames.random())) }
    }

    @Test(
        arguments: [
            (0.2, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"),
            (3000, "50 minutes"),
            (3600, "About an hour"), (7200, "2 hours"), (259_200, "3 days"), (1_728_000, "2 weeks"),
        ] as [(Double, String)])
    func `durations read as docker's`(seconds: Double, text: String) {
        #expect(StatusText.duration(seconds) == text)
    }

    @Test func `A9: a container keeps ten thousand ports as a few, and shows each`() throws {
        var bindings: [String: [PortBinding]?] = [:]
        for number in 10_000..<20_000 { bindings["\(number)/udp"] = [PortBinding(hostIp: "", hostPort: "\(number)")] }
        var record = try plan { $0.hostConfig.portBindings = bindings }
        #expect(record.hostConfig.portBindings?.count == 1)
        #expect(record.configuration.exposedPorts.map { Set($0.keys) } == ["80/tcp", "10000-19999/udp"])
        record.endpoints[0].endpointID = "e"
        record.endpoints[0].interfaceName = "eth0"
        record.endpoints[0].addresses = EndpointAddresses([
            IPNetwork(address: IPAddress(172, 17, 0, 2), prefixLength: 16)
        ])
        let requests = try PortRequests(record).wanted(
            PortWays(targets: HostAddresses(IPAddress(172, 17, 0, 2)))
        ).requests
        #expect(
            requests.map(\.count) == [10_000] && requests.map(\.first) == [10_000] && requests.map(\.last) == [10_000])
        record.publishedPorts = [PublishedPort(transport: .udp, hostPort: 10_000, containerPort: 10_000, count: 10_000)]
        record.phase = .running(.init(pid: 1, startedAt: .now))
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        let began = ContinuousClock.now
        let shown = views.inspection(record, execIDs: [])
        #expect(shown.hostConfig.portBindings == bindings)
        #expect(shown.config.exposedPorts?.count == 10_001)
        #expect(shown.networkSettings.ports["12345/udp"] == [PortBinding(hostIp: "0.0.0.0", hostPort: "12345")])
        #expect(shown.networkSettings.ports.count == 10_001)
        #expect(views.summary(record).ports.count == 10_001)
        // Once through all of them, not once for each: hours apart from this.
        #expect(ContinuousClock.now - began < .seconds(10))
        func found(_ filters: [String: [String]]) throws -> Bool {
            var query = ContainerQuery()
            query.filters = Filters(filters)
            return try !ContainerSelection(query: query, imageNames: [:]).select([record]).isEmpty
        }
        #expect(try found(["publish": ["12345/udp"]]) && found(["expose": ["19999-20001/udp"]]))
        #expect(try !found(["publish": ["12345/tcp"]]) && !found(["expose": ["20000-20001/udp"]]))
        // As it is kept, and read again.
        #expect(
            try JSONDecoder().decode(ContainerRecord.self, from: JSONEncoder().encode(record)).hostConfig
                == record.hostConfig)
        #expect(try JSONEncoder().encode(record).count < 10_000)
    }
}
