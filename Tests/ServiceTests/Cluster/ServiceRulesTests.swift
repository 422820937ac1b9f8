import EngineInterface
import Faults
import Model
import Orchestration
import TestKit
import Testing

@testable import Cluster

/// Networks of services.
@Suite struct ServiceRulesTests {
    private func checked(
        in networks: [SwarmNetwork] = [], _ change: (inout ServiceSpec) -> Void
    ) throws -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = "web"
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = "box"
        change(&spec)
        var state = SwarmState()
        state.networks["ing"] = NetworkAllocator(state: state).ingress(id: "ing", at: .zero)
        for network in networks { state.networks[network.id] = network }
        return try ServiceRules(state).checked(spec, replacing: nil)
    }

    @Test func `a port of the mesh needs an ingress network, one in host mode does not`() throws {
        for (mode, isRefused) in [(nil, true), ("ingress", true), ("host", false)] {
            var spec = ServiceSpec()
            spec.name = "web"
            spec.taskTemplate.containerSpec = ContainerSpec()
            spec.taskTemplate.containerSpec?.image = "box"
            var port = PortConfig()
            (port.targetPort, port.publishedPort, port.publishMode) = (80, 8080, mode)
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
            let asked = spec
            if isRefused {
                #expect(throws: ServiceError.noIngress) {
                    try ServiceRules(SwarmState()).checked(asked, replacing: nil)
                }
            } else {
                _ = try ServiceRules(SwarmState()).checked(asked, replacing: nil)
            }
        }
    }

    @Test(arguments: ["a b", "UPPER/case", "name:", "name:a/b", "name@sha256:12", "a//b", "-a", "http://a/b", "a\n"])
    func `an image that is no reference is refused`(image: String) {
        #expect(throws: TaskSpecError.invalidImage(image)) {
            try checked { $0.taskTemplate.containerSpec?.image = image }
        }
    }

    @Test func `whatever names an image is taken as it is`() throws {
        let digest = "sha256:" + String(repeating: "0a", count: 32)
        for image in ["box", "box:1", "host:5000/a/b:tag@\(digest)", "a@\(digest)", "127.0.0.1:5000/x", "[::1]:5000/x"]
        {
            #expect(
                try checked { $0.taskTemplate.containerSpec?.image = image }.taskTemplate.containerSpec?.image == image)
        }
    }

    @Test func `a health check that every node would refuse is refused with the service`() throws {
        func check(_ change: (inout HealthConfiguration) -> Void) throws {
            var check = HealthConfiguration()
            check.test = ["CMD", "true"]
            change(&check)
            let asked = check
            _ = try checked { $0.taskTemplate.containerSpec?.healthcheck = asked }
        }
        #expect(throws: TaskSpecError.shortHealthDuration("Interval")) { try check { $0.interval = 999_999 } }
        #expect(throws: TaskSpecError.shortHealthDuration("Timeout")) { try check { $0.timeout = 1 } }
        #expect(throws: TaskSpecError.shortHealthDuration("StartPeriod")) { try check { $0.startPeriod = -1 } }
        #expect(throws: TaskSpecError.shortHealthDuration("StartInterval")) { try check { $0.startInterval = 5 } }
        #expect(throws: TaskSpecError.negativeHealthRetries) { try check { $0.retries = -1 } }
        try check { ($0.interval, $0.timeout, $0.startPeriod, $0.startInterval) = (1_000_000, 0, nil, 0) }
    }

    @Test func `a job has neither an update nor a rollback configuration`() throws {
        func job(_ change: (inout ServiceSpec) -> Void) throws -> ServiceSpec {
            try checked { spec in
                spec.mode.replicatedJob = .init(maxConcurrent: 1, totalCompletions: 1)
                change(&spec)
            }
        }
        #expect(throws: ServiceError.rolloutOfJob(.update)) { try job { $0.updateConfig = UpdateConfiguration() } }
        #expect(throws: ServiceError.rolloutOfJob(.rollback)) { try job { $0.rollbackConfig = UpdateConfiguration() } }
        #expect(try job { _ in }.isJob)
    }

    @Test func `ports and mounts are spelled as clients spell them, and kept in one way`() throws {
        func spec(_ transport: String?, _ mode: String?, _ type: String) throws -> ServiceSpec {
            try checked { spec in
                var port = PortConfig()
                (port.targetPort, port.publishedPort, port.protocol, port.publishMode) = (80, 8080, transport, mode)
                spec.endpointSpec = EndpointSpec()
                spec.endpointSpec?.ports = [port]
                var mount = Mount()
                (mount.type, mount.source, mount.target) = (type, "/a", "/b")
                spec.taskTemplate.containerSpec?.mounts = [mount]
            }
        }
        let usual = try spec("tcp", "ingress", "bind")
        let spelled: [(String?, String?, String)] = [(nil, nil, ""), ("", "", "BIND"), ("TCP", "Ingress", "Bind")]
        for (transport, mode, type) in spelled {
            #expect(try spec(transport, mode, type) == usual)
        }
        #expect(try spec("UDP", "HOST", "Volume") == spec("udp", "host", "volume"))
        #expect(throws: ServiceError.invalidPort) { try spec("icmp", nil, "bind") }
        #expect(throws: ServiceError.invalidPort) { try spec(nil, "mesh", "bind") }
        #expect(throws: TaskSpecError.unknownMountType("floppy")) { try spec(nil, nil, "Floppy") }
    }

    @Test func `how a mount is shared is spelled in any case, and what no node takes is refused`() throws {
        func spec(_ propagation: String, _ consistency: String?) throws -> ServiceSpec {
            try checked { spec in
                var mount = Mount()
                (mount.type, mount.source, mount.target, mount.consistency) = ("bind", "/a", "/b", consistency)
                mount.bindOptions = Mount.BindOptions()
                mount.bindOptions?.propagation = propagation
                spec.taskTemplate.containerSpec?.mounts = [mount]
            }
        }
        for (propagation, consistency) in [("RShared", "Cached"), ("SLAVE", "DEFAULT"), ("", "")] {
            let taken = try spec(propagation, consistency)
            #expect(try taken == spec(propagation.lowercased(), consistency.lowercased()))
            let mount = taken.taskTemplate.containerSpec?.mounts?.first
            #expect(mount?.bindOptions?.propagation == propagation.lowercased())
            #expect(mount?.consistency == consistency.lowercased())
        }
        #expect(throws: TaskSpecError.unknownMountPropagation("public")) { try spec("public", nil) }
        #expect(throws: TaskSpecError.unknownMountConsistency("often")) { try spec("", "often") }
    }

    private func constrained(by text: String) throws -> ServiceSpec {
        try checked { spec in
            spec.taskTemplate.placement = Placement()
            spec.taskTemplate.placement?.constraints = [text]
        }
    }

    @Test func `a constraint that no node could meet, as it is mistaken, is refused in Docker's words`() throws {
        let refused: [(String, ConstraintError)] = [
            ("node.role=manager", .noOperator), ("==manager", .invalidKey("")),
            ("node.labels.a >== 3", .invalidKey("node.labels.a >")), ("1node.role==manager", .invalidKey("1node.role")),
            ("node.labels.zone==", .invalidValue("")), ("node.hostname==\"one\"", .invalidValue("\"one\"")),
            ("node.labels.a==1 && node.labels.b==2", .invalidValue("1 && node.labels.b==2")),
            ("node.labels.zone==~ea", .invalidValue("~ea")),
        ]
        for (text, refusal) in refused {
            #expect(throws: refusal, "\(text)") { try constrained(by: text) }
        }
        for text in ["node.role == manager", "node.ip!=10.0.0.0/8", "engine.labels.os==ubuntu 24.04 (x)", "a_-.1==*"] {
            #expect(try constrained(by: text).taskTemplate.placement?.constraints == [text])
        }
    }

    private func network(_ target: String) -> NetworkAttachmentConfig {
        var config = NetworkAttachmentConfig()
        config.target = target
        return config
    }

    @Test(arguments: PredefinedNetwork.allCases)
    func `a service can be on a network that every node has, by its name, and has no address of the swarm there`(
        own: PredefinedNetwork
    ) throws {
        for inTemplate in [true, false] {
            let spec = try checked { spec in
                if inTemplate {
                    spec.taskTemplate.networks = [network(own.rawValue)]
                } else {
                    spec.networks = [network(own.rawValue)]
                }
            }
            // Nodes are sent the template alone.
            #expect(spec.taskTemplate.networks?.map(\.target) == [own.rawValue])
            #expect(spec.networks == nil && spec.attachedNetworks.isEmpty)
        }
    }

    @Test func `such a network stands alone, and its tasks have no port of the mesh and no options`() throws {
        #expect(throws: ServiceError.combinedNetwork("host")) {
            try checked { $0.taskTemplate.networks = [network("host"), network("none")] }
        }
        func port(_ mode: String) -> (inout ServiceSpec) -> Void {
            { spec in
                spec.taskTemplate.networks = [network("bridge")]
                var port = PortConfig()
                (port.targetPort, port.publishedPort, port.publishMode) = (80, 8080, mode)
                spec.endpointSpec = EndpointSpec()
                spec.endpointSpec?.ports = [port]
            }
        }
        #expect(throws: ServiceError.meshPortInNetwork("bridge")) { try checked(port("ingress")) }
        _ = try checked(port("host"))
        let refusal = #expect(throws: APIError.self) {
            try told {
                try checked { spec in
                    var config = network("host")
                    config.driverOpts = ["com.docker.network.endpoint.ifname": "x0"]
                    spec.taskTemplate.networks = [config]
                }
            }
        }
        #expect(refusal?.kind == .notImplemented)
        #expect(throws: ServiceError.networkNotFound("nowhere")) {
            try checked { $0.taskTemplate.networks = [network("nowhere")] }
        }
    }

    @Test func `D7: what a sealed network's tasks publish is reached through the mesh alone`() throws {
        func network(_ id: String, isInternal: Bool) -> SwarmNetwork {
            var network = SwarmNetwork(id: id)
            network.spec.name = id
            network.spec.internal = isInternal ? true : nil
            network.driverState = Driver(name: "overlay", options: isInternal ? [Sealing.option: "true"] : [:])
            return network
        }
        let networks = [network("inner", isInternal: true), network("open", isInternal: false)]
        func check(_ mode: String, isLocal: Bool = false, in names: [String]) throws {
            _ = try checked(in: networks) { spec in
                spec.taskTemplate.networks = names.map { self.network($0) }
                var port = PortConfig()
                (port.targetPort, port.publishedPort, port.publishMode) = (80, 8080, mode)
                if isLocal { port.onlyLocal = true }
                spec.endpointSpec = EndpointSpec()
                spec.endpointSpec?.ports = [port]
            }
        }
        try check("ingress", in: ["inner"])
        #expect(throws: ServiceError.hostPortInSealedNetwork("inner")) { try check("host", in: ["inner"]) }
        #expect(throws: ServiceError.localPortInSealedNetwork("inner")) {
            try check("ingress", isLocal: true, in: ["inner"])
        }
        // Another network leads outside, so that there is a bridge, too.
        try check("host", in: ["inner", "open"])
        try check("ingress", isLocal: true, in: ["inner", "open"])
    }

    @Test func `naming the usual isolation makes no other template`() throws {
        for word in [nil, "", "default"] {
            let named = try checked { $0.taskTemplate.containerSpec?.isolation = word }
            #expect(try named == checked { _ in })
        }
        // What was stored of it before stays.
        for stored in [nil, "default"] {
            var former = Service(id: "web")
            former.spec = try checked { _ in }
            former.spec.taskTemplate.containerSpec?.isolation = stored
            var spec = former.spec
            for word in [nil, "default"] {
                spec.taskTemplate.containerSpec?.isolation = word
                let again = try ServiceRules(SwarmState()).checked(spec, replacing: former)
                #expect(again.taskTemplate == former.spec.taskTemplate)
            }
            // So does another word for the same runtime.
            former.spec.taskTemplate.runtime = ""
            spec.taskTemplate.runtime = "container"
            let again = try ServiceRules(SwarmState()).checked(spec, replacing: former)
            #expect(again.taskTemplate == former.spec.taskTemplate)
        }
    }

    @Test func `what runs a service's tasks is looked at before its name`() throws {
        #expect(throws: TaskSpecError.mismatchedRuntime) {
            try checked { spec in
                spec.taskTemplate.containerSpec = nil
                spec.name = "a b"
            }
        }
        for word in ["foo", "attachment"] {
            #expect(throws: TaskSpecError.unsupportedRuntime) { try checked { $0.taskTemplate.runtime = word } }
        }
        for word in [nil, "", "container"] {
            #expect(try checked { $0.taskTemplate.runtime = word }.taskTemplate.runtime == "container")
        }
        #expect(throws: UnsupportedError.self) { try checked { $0.taskTemplate.runtime = "plugin" } }
    }

    @Test func `settings of rollbacks are taken as those of updates, and refused in the same words`() throws {
        var settings = UpdateConfiguration()
        settings.failureAction = "rollback"
        let taken = settings
        #expect(try checked { $0.rollbackConfig = taken }.rollbackConfig == taken)
        settings.order = "x"
        let odd = settings
        #expect(throws: ServiceError.unknownOrder("x")) { try checked { $0.updateConfig = odd } }
        #expect(throws: ServiceError.unknownOrder("x")) { try checked { $0.rollbackConfig = odd } }
        settings.failureAction = "x"
        let wrong = settings
        #expect(throws: ServiceError.unknownFailureAction("x")) { try checked { $0.rollbackConfig = wrong } }
    }
}
