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

    /// Watchtower cuts each text at its last slash, and looks for none that has no slash.
    @Test func `links are shown with the host's settings where they are on the default bridge, else with the endpoint`()
    {
        let views = ContainerViews(now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { $0 })
        var record = container("na", on: ["na"])
        record.hostConfig.links = ["db:store"]
        record.endpoints[0].requested = EndpointSettings()
        record.endpoints[0].requested?.links = ["db:store"]
        let shown = views.inspection(record, execIDs: [])
        #expect(shown.hostConfig.links == nil && shown.networkSettings.networks["na"]?.links == ["db:store"])
        record = container("bridge", on: ["bridge"])
        record.hostConfig.links = ["/db:/box/store"]
        record.links = [ContainerRecord.Link(containerID: "c2", alias: "store")]
        #expect(views.inspection(record, execIDs: []).hostConfig.links == ["/db:/box/store"])
    }

    @Test func `what shares another's network joins none`() throws {
        #expect(throws: EndpointError.sharedNetwork) { try container("container:c2").checkConnection(to: "na") }
        #expect(throws: EndpointError.sharedNetwork) { try container("host").checkConnection(to: "na") }
        #expect(throws: EndpointError.hostNetwork) { try container("na", on: ["na"]).checkConnection(to: "host") }
        var running = container("na", on: ["na"])
        running.phase = .running(.init(pid: 1, startedAt: .now))
        let there = running
        #expect(throws: EndpointError.alreadyConnected(container: "box", network: "na")) {
            try there.checkConnection(to: "na")
        }
        try container("na", on: ["na"]).checkConnection(to: "na")
        try container("na", on: ["na"]).checkConnection(to: "nb")
    }

    @Test func `what is asked for once more counts in networks of the swarm alone`() {
        var (first, second) = (EndpointSettings(), EndpointSettings())
        first.aliases = ["db"]
        second.aliases = ["cache"]
        var record = container("na", on: ["na", "nb"])
        record.endpoints[0].requested = first
        record.renewRequest(on: "na", isOfSwarm: false, second)
        record.renewRequest(on: "na", isOfSwarm: true, nil)
        #expect(record.endpoints.map(\.requested) == [first, nil])
        record.renewRequest(on: "na", isOfSwarm: true, second)
        #expect(record.endpoints.map(\.requested) == [second, nil])
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
