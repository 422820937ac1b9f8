import Addressing
import EngineInterface
import Faults
import Model
import TestKit
import Testing

@testable import Orchestration

/// An ingress network of the user's own: the swarm's is removed, and another one made.
@Suite struct OwnIngressTests {
    private func request(_ change: (inout NetworkRequest) -> Void = { _ in }) -> NetworkRequest {
        var request = NetworkRequest()
        (request.name, request.driver, request.ingress) = ("mine", "overlay", true)
        change(&request)
        return request
    }

    private func publish(_ spec: inout ServiceSpec) {
        var port = PortConfig()
        (port.targetPort, port.publishedPort) = (80, 8080)
        spec.endpointSpec = EndpointSpec()
        spec.endpointSpec?.ports = [port]
    }

    @Test func `nodes give their places up with the network, and get others in the next one`() throws {
        var swarm = SwarmSimulation()
        for number in 1...2 { swarm.addNode("n\(number)") }
        func places() -> [IPAddress] {
            swarm.state.nodes.values.flatMap { $0.membership?.ingressAddresses?.all ?? [] }
        }
        swarm.settle()
        #expect(places().filter { $0.family == .v4 }.count == 2)
        swarm.state.networks["ingress"] = nil
        swarm.settle()
        #expect(places().isEmpty && swarm.state.lacksIngress)
        // Who publishes nothing through it goes on.
        swarm.addService("quiet", replicas: 2)
        swarm.settle()
        #expect(swarm.running("quiet").count == 2)
        let mine = try NetworkAllocator(state: swarm.state).allocate(
            request {
                $0.ipam = AddressManagement(
                    driver: "default", config: [AddressPool(subnet: "10.11.0.0/24", gateway: "10.11.0.2")])
            }, id: "mine", at: swarm.now)
        #expect(mine.spec.ingress == true)
        swarm.state.networks["mine"] = mine
        swarm.addService("web", replicas: 3) { publish(&$0) }
        swarm.settle()
        let subnet = try #require(IPNetwork("10.11.0.0/24"))
        let tasks = swarm.running("web").flatMap { $0.networksAttachments ?? [] }.flatMap(\.addresses).map(\.address)
        #expect(swarm.running("web").count == 3)
        let all = (places() + tasks).filter { $0.family == .v4 }
        #expect(all.count == 5 && Set(all).count == 5 && all.allSatisfy(subnet.contains))
        // The first is that of the mesh, whatever the gateway is.
        #expect(!all.contains(IPAddress(10, 11, 0, 1)) && !all.contains(IPAddress(10, 11, 0, 2)))
        #expect(Array(swarm.state.servicesOnMesh) == ["web"])
    }

    @Test func `one that cannot be is refused by name`() throws {
        let swarm = SwarmSimulation()
        #expect(throws: SwarmNetworkError.ingressPresent("ingress")) {
            try NetworkAllocator(state: swarm.state).allocate(request(), id: "mine", at: .zero)
        }
        var without = swarm.state
        without.networks["ingress"] = nil
        func refusal(_ change: (inout NetworkRequest) -> Void) -> any Error {
            do {
                _ = try NetworkAllocator(state: without).allocate(request(change), id: "mine", at: .zero)
            } catch { return error }
            return UnsupportedError.feature("nothing")
        }
        func pools(_ subnets: String...) -> AddressManagement {
            AddressManagement(driver: "default", config: subnets.map { AddressPool(subnet: $0) })
        }
        #expect(refusal { $0.attachable = true } as? SwarmNetworkError == .ingressAttachable)
        let others: [((inout NetworkRequest) -> Void, String)] = [
            ({ $0.internal = true }, "an internal ingress network"),
            ({ $0.options = ["encrypted": ""] }, "encryption of the ingress network"),
            (
                { $0.ipam = pools("10.11.0.0/24", "10.12.0.0/24") },
                "several subnets of one family of an ingress network"
            ),
        ]
        for (change, text) in others { #expect(refusal(change) as? UnsupportedError == .feature(text)) }
        // A network that cannot be read may be it.
        #expect(without.lacksIngress && !swarm.state.lacksIngress)
    }
}
