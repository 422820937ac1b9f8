import EngineInterface
import Faults
import Model
import NodeProtocol
import Orchestration
import TestKit
import Testing

@testable import Cluster

/// Options of a service's networks that are about its tasks' links.
@Suite struct LinkRulesTests {
    private static let name = "com.docker.network.endpoint.ifname"
    private static let parameters = "com.docker.network.endpoint.sysctls"

    private func place(_ target: String, _ options: [String: String]? = nil) -> NetworkAttachmentConfig {
        var config = NetworkAttachmentConfig()
        (config.target, config.driverOpts) = (target, options)
        return config
    }

    private func checked(_ places: [NetworkAttachmentConfig], inTemplate: Bool = true) throws -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = "web"
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = "box"
        if inTemplate { spec.taskTemplate.networks = places } else { spec.networks = places }
        var state = SwarmState()
        for (name, subnet) in [("app", "10.64.0.0/24"), ("back", "10.65.0.0/24")] {
            var request = NetworkRequest()
            (request.name, request.driver) = (name, "overlay")
            request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: subnet)])
            state.networks[name + "-id"] = try NetworkAllocator(state: state).allocate(
                request, id: name + "-id", at: .zero)
        }
        return try ServiceRules(state).checked(spec, replacing: nil)
    }

    @Test func `what a container may ask of its link a service may, and it is kept as it was given`() throws {
        let options = [
            Self.name: "lan0", Self.parameters: "net.ipv4.conf.IFNAME.log_martians=1", "other": "X",
            "apus.task-ip": "10.64.0.9",
        ]
        let spec = try checked([place("app", options), place("back", [Self.name: "lan1"])])
        #expect(spec.taskTemplate.networks == [place("app-id", options), place("back-id", [Self.name: "lan1"])])
        var service = Service(id: "s")
        service.spec = spec
        let kept = try WireJSON.decode(record: Service.self, from: WireJSON.encode(record: service))
        #expect(kept.spec.taskTemplate.networks == spec.taskTemplate.networks)
        // In the place of before they would not make tasks anew when they change.
        let moved = try checked([place("app", options)], inTemplate: false)
        #expect(moved.taskTemplate.networks == [place("app-id", options)] && moved.networks == nil)
        let stays = try checked([place("app", ["apus.task-ip": "10.64.0.9"])], inTemplate: false)
        #expect(stays.networks?.map(\.target) == ["app-id"] && stays.taskTemplate.networks == nil)
    }

    @Test func `what a container's link is refused for a service's is, with the same words`() throws {
        for (options, refusal) in [
            ([Self.name: "a/b"], .invalidInterfaceName("a/b")), ([Self.name: "lo"], .invalidInterfaceName("lo")),
            ([Self.parameters: "net.ipv4.conf.eth0.x=1"], .invalidParameter("net.ipv4.conf.eth0.x=1")),
            (["com.docker.network.endpoint.nosuch": "x"], .unsupported("com.docker.network.endpoint.nosuch")),
        ] as [([String: String], EndpointOptionError)] {
            for target in ["app", "bridge"] {
                #expect(throws: refusal) { try checked([place(target, options)]) }
            }
        }
        #expect(throws: UnsupportedError.feature("the option apus.else of a service's network")) {
            try checked([place("app", ["apus.else": "1"])])
        }
    }

    @Test func `two links of a task do not have one name, nor one link two`() throws {
        #expect(throws: EndpointError.interfaceTaken("lan0")) {
            try checked([place("app", [Self.name: "lan0"]), place("back", [Self.name: "lan0"])])
        }
        for other in [[Self.name: "lan1"], ["apus.task-ip": "10.64.0.9"]] {
            #expect(throws: UnsupportedError.self) {
                try checked([place("app", [Self.name: "lan0"]), place("app-id", other)])
            }
        }
        #expect(throws: UnsupportedError.self) { try checked([place("app"), place("app", [Self.name: "lan0"])]) }
        let twice = try checked([place("app", [Self.name: "lan0"]), place("app"), place("app", [Self.name: "lan0"])])
        #expect(twice.attachedNetworks.map(\.linkOptions) == [[Self.name: "lan0"]])
    }

    @Test func `of the networks that every node has, the bridge alone gives a task a link`() throws {
        let spec = try checked([place("bridge", [Self.name: "lan0"])])
        #expect(spec.taskTemplate.networks == [place("bridge", [Self.name: "lan0"])])
        for target in ["host", "none"] {
            #expect(throws: UnsupportedError.feature("the option \(Self.name) of a service's network")) {
                try checked([place(target, [Self.name: "lan0"])])
            }
        }
        #expect(throws: UnsupportedError.feature("the option apus.ip of a service's network")) {
            try checked([place("bridge", ["apus.ip": "172.17.0.9"])])
        }
    }

    private func task(_ options: [String: String]?) -> SwarmTask {
        var task = SwarmTask(id: "t")
        var network = SwarmNetwork(id: "app-id")
        network.spec.name = "app"
        var attachment = NetworkAttachment(network: network, addresses: [])
        attachment.driverOpts = options
        task.networksAttachments = [attachment]
        return task
    }

    @Test func `a node is told of them with the task, and what was stored or sent without them is read`() throws {
        let options = [Self.name: "lan0", "Other.Name": "X"]
        for told in [options, nil] {
            let task = task(told)
            var reader = AssignmentReader()
            var read: [SwarmTask] = []
            for message in try Wire.messages(from: 0, to: 1, tasks: [task], removed: []) {
                guard case .tasks(_, let tasks, _) = try reader.read(message) else { continue }
                read += tasks
            }
            #expect(read == [task])
        }
        let former = try WireJSON.decode(record: SwarmTask.self, from: RecordedFiles.data("Records/task/1.json"))
        #expect(former.networksAttachments?.map(\.driverOpts) == [nil, nil])
    }

    @Test func `a node of before is told of none, and which it does without`() {
        let present = Capabilities.present
        let former = Capabilities(
            version: "0.4.0", present.all.filter { $0.name != Capabilities.linkOptions.name })
        let missing = present.missing(in: former.program)
        #expect(missing.map(\.name) == ["link-options"])
        var task = task([Self.name: "lan0"])
        for capability in missing { capability.leaveOutOfTask(&task) }
        #expect(task == self.task(nil))
        #expect(present.refusal(of: former.program, called: "it") == nil)
        #expect(present.note(on: former.program)?.contains("(link-options)") == true)
    }
}
