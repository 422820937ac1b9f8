import EngineInterface
import Model
import Testing

@testable import Engine

/// What is shown of containers on `host` and `none`, which nothing is allocated in.
@Suite struct PlainNetworkTests {
    private static let ids = [
        "host": String(repeating: "a1", count: 32), "none": String(repeating: "b2", count: 32),
    ]

    private func container(_ id: String, on mode: String, isUp: Bool = true) -> ContainerRecord {
        var host = HostConfiguration()
        host.networkMode = mode
        var record = ContainerRecord(
            id: id, name: "box-\(id)", created: .now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["x"])
        if isUp { record.phase = .running(.init(pid: 4711, startedAt: .now)) }
        return record
    }

    private func settings(_ record: ContainerRecord) -> NetworkSettings {
        ContainerViews(
            now: .now, directory: { $0 }, logPath: { $0 }, sandboxPath: { "/sandboxes/" + $0 }, plainNetworks: Self.ids
        ).inspection(record, execIDs: []).networkSettings
    }

    @Test(arguments: ["host", "none"]) func `a container shows its place while it runs`(network: String) throws {
        let shown = settings(container("c1", on: network))
        #expect(Array(shown.networks.keys) == [network])
        let place = try #require(shown.networks[network])
        #expect(place.networkID == Self.ids[network])
        #expect(place.endpointID.count == 64 && place.endpointID.allSatisfy(\.isHexDigit))
        #expect((place.ipAddress, place.macAddress, place.gateway) == ("", "", ""))
        #expect(shown.sandboxID == "c1")
        #expect(shown.sandboxKey == (network == "host" ? "/proc/4711/ns/net" : "/sandboxes/c1"))
        // What it does not depend on: the daemon, and who else is there.
        #expect(settings(container("c1", on: network)).networks[network]?.endpointID == place.endpointID)
        #expect(settings(container("c2", on: network)).networks[network]?.endpointID != place.endpointID)

        let ended = settings(container("c1", on: network, isUp: false))
        #expect(ended.networks[network]?.networkID == Self.ids[network])
        #expect(ended.networks[network]?.endpointID == "")
        #expect((ended.sandboxID, ended.sandboxKey) == ("", ""))
        // Found dead by the daemon, and not settled yet.
        var dead = container("c1", on: "host")
        dead.phase = .running(.init(pid: 0, startedAt: .now))
        #expect((settings(dead).sandboxID, settings(dead).sandboxKey) == ("", ""))
    }

    @Test func `a network lists those that run on it, by the same places`() throws {
        let records = [
            container("h1", on: "host"), container("h2", on: "host", isUp: false), container("n1", on: "none"),
            container("b1", on: "bridge"),
        ]
        let places = NodeNetworkService.places(of: records, plain: Self.ids)
        #expect(places.count == 2)
        let (host, none) = (try #require(Self.ids["host"]), try #require(Self.ids["none"]))
        #expect(places[host].map { Array($0.keys) } == ["h1"])
        #expect(places[none].map { Array($0.keys) } == ["n1"])
        let row = try #require(places[host]?["h1"])
        #expect((row.name, row.macAddress, row.iPv4Address, row.iPv6Address) == ("box-h1", "", "", ""))
        #expect(row.endpointID == settings(records[0]).networks["host"]?.endpointID)
        #expect(places[none]?["n1"]?.endpointID == settings(records[2]).networks["none"]?.endpointID)
    }

    @Test func `who starts and ends on it is told of as on any network`() throws {
        func told(_ record: ContainerRecord, _ places: [EndpointRecord] = []) -> [String] {
            record.networkEvents(places, plain: Self.ids).map { event in
                let fields = event.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                return ([String(event.id.prefix(2))] + fields).joined(separator: " ")
            }
        }
        #expect(told(container("c1", on: "host")) == ["a1 container=c1 name=host type=host"])
        #expect(told(container("c1", on: "none")) == ["b2 container=c1 name=none type=null"])
        #expect(told(container("c1", on: "container:c2")) == [])
        let place = EndpointRecord(networkID: "d4d4", networkName: "bridge")
        #expect(told(container("c1", on: "bridge"), [place]) == ["d4 container=c1 name=bridge type=bridge"])
        // Put on it by hand.
        var moved = container("c1", on: "bridge")
        moved.isOnNoneByHand = true
        #expect(told(moved) == ["b2 container=c1 name=none type=null"])
        var gone = container("c1", on: "none")
        gone.isOnNoneByHand = false
        #expect(told(gone, [place]) == ["d4 container=c1 name=bridge type=bridge"])
    }

    @Test func `a list is narrowed down to those on it, by its name and its id`() throws {
        let records = [container("h1", on: "host"), container("n1", on: "none"), container("b1", on: "bridge")]
        func found(_ network: String) throws -> [String] {
            var query = ContainerQuery()
            query.filters = Filters(["network": [network]])
            return try ContainerSelection(query: query, imageNames: [:], plainNetworks: Self.ids).select(records)
                .map(\.id)
        }
        #expect(try found("host") == ["h1"] && found("a1a1a1") == ["h1"])
        #expect(try found("none") == ["n1"] && found("b2") == ["n1"])
        #expect(try found("c3").isEmpty)
    }

    @Test func `on the node's network a container has the node's name, unless it is given one`() throws {
        var image = ContainerConfiguration()
        image.cmd = StringList(["serve"])
        var planner = ContainerPlanner(image: ImageDefaults(id: "sha256:1", configuration: image), cpuCount: 2)
        planner.nodeName = "node-1"
        func name(_ change: (inout ContainerCreateRequest) -> Void) throws -> String {
            var request = ContainerCreateRequest()
            request.configuration.image = "box"
            change(&request)
            return try planner.plan(request, id: String(repeating: "ab", count: 32), name: "box", at: .now)
                .configuration.hostname
        }
        #expect(try name { $0.hostConfig.networkMode = "host" } == "node-1")
        #expect(
            try name {
                $0.hostConfig.networkMode = "host"
                $0.configuration.hostname = "mine"
            } == "mine")
        #expect(try name { $0.hostConfig.networkMode = "none" } == "abababababab")
    }

    @Test func `who publishes ports on the node's own network is told that they are discarded`() {
        var host = HostConfiguration()
        host.networkMode = "host"
        // Those that the image exposes are nobody's wish.
        host.publishAllPorts = true
        #expect(ContainerPlanner.warnings(of: host) == [])
        host.portBindings = [:]
        #expect(ContainerPlanner.warnings(of: host) == [])
        host.portBindings = ["80/tcp": [PortBinding(hostIp: "", hostPort: "80")]]
        #expect(
            ContainerPlanner.warnings(of: host) == ["Published ports are discarded when using host network mode"])
        for other in ["", "bridge", "none", "container:x"] {
            host.networkMode = other
            #expect(ContainerPlanner.warnings(of: host) == [])
        }
    }
}
