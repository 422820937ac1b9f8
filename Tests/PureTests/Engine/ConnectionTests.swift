import EngineInterface
import Model
import Testing

@testable import Engine

/// Which networks a container may join and leave while it is there.
@Suite struct ConnectionTests {
    private func container(_ mode: String, on networks: [String] = []) -> ContainerRecord {
        var host = HostConfiguration()
        host.networkMode = mode
        var record = ContainerRecord(
            id: "c1", name: "box", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["x"])
        record.endpoints = networks.map { EndpointRecord(networkID: "", networkName: $0) }
        return record
    }

    @Test(arguments: ["", "default", "bridge"])
    func `the network that a container has unless it is told is shown by its own name`(mode: String) {
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        let record = container(mode, on: ["bridge"])
        #expect(views.inspection(record, execIDs: []).hostConfig.networkMode == "bridge")
        #expect(views.summary(record).hostConfig.networkMode == "bridge")
    }

    @Test func `what shares another's network joins none`() throws {
        #expect(throws: EndpointError.sharedNetwork) { try container("container:c2").checkConnection(to: "na") }
        #expect(throws: EndpointError.sharedNetwork) { try container("host").checkConnection(to: "na") }
        #expect(throws: EndpointError.hostNetwork) { try container("na", on: ["na"]).checkConnection(to: "host") }
        #expect(throws: EndpointError.alreadyConnected(container: "box", network: "na")) {
            try container("na", on: ["na"]).checkConnection(to: "na")
        }
        try container("na", on: ["na"]).checkConnection(to: "nb")
    }

    @Test func `where a container is now decides about none, and not how it was made`() throws {
        let made = container("none")
        #expect(throws: EndpointError.noneNetwork) { try made.checkConnection(to: "na") }
        #expect(throws: EndpointError.alreadyConnected(container: "box", network: "none")) {
            try made.checkConnection(to: "none")
        }
        try made.checkDisconnection(from: "none")
        var record = made
        record.isOnNoneByHand = false
        let left = record
        try left.checkConnection(to: "na")
        #expect(throws: EndpointError.notConnected(container: "c1", network: "none")) {
            try left.checkDisconnection(from: "none")
        }
        let other = container("bridge", on: ["bridge"])
        #expect(throws: EndpointError.noneNetwork) { try other.checkConnection(to: "none") }
        #expect(throws: EndpointError.notConnected(container: "c1", network: "none")) {
            try other.checkDisconnection(from: "none")
        }
        try container("bridge").checkConnection(to: "none")
    }
}
