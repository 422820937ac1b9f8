import Addressing
import EngineInterface
import Model
import NodeProtocol
import Orchestration
import Testing

@testable import Cluster

/// What `GET /swarm/paths` tells: each way with what is wrong, and what to do about it.
@Suite(.timeLimit(.minutes(1))) struct PathReportTests {
    private let now: Int64 = 1_000_000

    private func state(down: String? = nil) -> SwarmState {
        var state = SwarmState()
        for (id, name) in [("n1", "one"), ("n2", "two"), ("n3", "three")] {
            var node = Node(id: id)
            node.spec.name = name
            node.status.state = id == down ? .down : .ready
            node.status.addr = IPAddress("192.0.2.\(id.dropFirst())")
            state.nodes[id] = node
        }
        return state
    }

    private func path(
        _ peer: String, _ findings: PathFindings = [], heard: Bool = true, mtu: Int? = 1500
    ) -> PathMeasurement {
        PathMeasurement(
            peer: peer, kind: .vxlan, roundTripMicroseconds: findings.contains(.silent) ? nil : 250,
            lossPermille: findings.contains(.silent) ? 1000 : 0, mtu: findings.contains(.silent) ? nil : mtu,
            linkMTU: 1500, findings: findings, isHeard: heard, time: now)
    }

    private func board(_ told: [String: [PathMeasurement]], ahead: Int64 = 0) -> PulseBoard {
        var board = PulseBoard()
        let known = ["n1", "n2", "n3"]
        for id in known {
            // One that is too far ahead was well before.
            if ahead > 0 { board.take(NodePulse(time: now - 10), of: id, now: now, service: { _ in nil }) }
            board.take(
                NodePulse(time: now + ahead, paths: told[id] ?? []), of: id, now: now, service: { _ in nil },
                peer: { peer in known.first { $0 == peer } })
        }
        return board
    }

    private func advice(_ report: SwarmPaths, _ from: String, _ to: String) throws -> String {
        try #require(report.paths.first { $0.from == from && $0.to == to }?.advice)
    }

    @Test func `a healthy swarm is well`() throws {
        let told = ["n1": [path("n2"), path("n3")], "n2": [path("n1"), path("n3")], "n3": [path("n1"), path("n2")]]
        let report = PathReport(state: state(), board: board(told), now: now).paths
        #expect(report.isWell)
        #expect(report.nodes.map(\.name) == ["one", "three", "two"])
        #expect(report.paths.count == 6)
        let first = try #require(report.paths.first)
        #expect(first.roundTripSeconds == 0.00025 && first.loss == 0 && first.pathMTU == 1500 && first.linkMTU == 1500)
        #expect(first.kind == "vxlan" && first.findings.isEmpty && first.advice == nil)
    }

    @Test func `of an encrypted way the port after VXLAN's is named, and that a node may not encrypt`() throws {
        func ill(_ peer: String) -> PathMeasurement {
            var found = path(peer, .silent, heard: false)
            found.kind = .esp
            return found
        }
        let told = ["n1": [path("n2"), ill("n2")], "n2": [path("n1"), ill("n1")]]
        let report = PathReport(state: state(), board: board(told), now: now).paths
        #expect(!report.isWell && report.paths.count == 4)
        let shown = try #require(report.paths.first { $0.from == "n1" && $0.kind == "esp" })
        #expect(shown.findings == ["silent"] && shown.pathMTU == nil)
        let words = try #require(shown.advice)
        #expect(
            words.contains("UDP port 4790") && words.contains("udp dport 4790 accept") && words.contains("apus-esp"))
    }

    @Test func `the side that drops is named: the one at which nothing arrives`() throws {
        // Two hears nothing: its firewall.
        let told = ["n1": [path("n2", .silent, heard: true)], "n2": [path("n1", .silent, heard: false)]]
        let report = PathReport(state: state(), board: board(told), now: now).paths
        #expect(!report.isWell)
        let rule = "On two: nft insert rule inet filter input ip saddr 192.0.2.1 udp dport 4789 accept"
        #expect(try advice(report, "n1", "n2").contains(rule))
        #expect(try advice(report, "n2", "n1").contains(rule))
        #expect(!(try advice(report, "n1", "n2").contains("On one:")))
    }

    @Test func `where nothing passes either way both sides are to be opened`() throws {
        let told = [
            "n1": [path("n2", .silent, heard: false), path("n3", .silent, heard: false)],
            "n2": [path("n1", .silent, heard: false)],
        ]
        let report = PathReport(state: state(), board: board(told), now: now).paths
        for (from, to) in [("n1", "n2"), ("n1", "n3")] {
            let text = try advice(report, from, to)
            #expect(text.contains("On one:") && text.contains("udp dport 4789"), "\(text)")
        }
        // Something else may have the port for good.
        #expect(try advice(report, "n1", "n2").contains("Another port"))
    }

    @Test func `narrow ways, spoilt checksums and loss have their own advice`() throws {
        let told = [
            "n1": [path("n2", .narrow, mtu: 1400), path("n3", .checksums)],
            "n2": [path("n3", .lossy)],
        ]
        let report = PathReport(state: state(), board: board(told), now: now).paths
        #expect(try advice(report, "n1", "n2").contains("ip link set dev LINK mtu 1400"))
        #expect(try advice(report, "n1", "n3").contains("tx-checksum-ip-generic off"))
        #expect(try advice(report, "n2", "n3").contains("ip -s link"))
        let ill = report.paths.filter { !$0.findings.isEmpty }
        #expect(ill.count == 3)
    }

    @Test func `of a node that is down its ways are not said to be ill`() throws {
        let told = ["n1": [path("n2", .silent, heard: false)]]
        let report = PathReport(state: state(down: "n2"), board: board(told), now: now).paths
        #expect(report.paths.allSatisfy { $0.findings.isEmpty && $0.advice == nil })
        #expect(report.nodes.first { $0.id == "n2" }?.findings == ["down"])
        #expect(!report.isWell)
    }

    @Test func `clocks that are far apart, and nodes that tell nothing, are found`() {
        let late = PathReport(state: state(), board: board([:], ahead: -45), now: now).paths
        #expect(late.nodes.allSatisfy { $0.findings == ["clock"] })
        #expect(late.nodes.first?.advice?.contains("45 seconds behind") == true)
        // Further ahead than a pulse is taken from: it is the clock that is told.
        let ahead = PathReport(state: state(), board: board([:], ahead: 500), now: now).paths
        #expect(ahead.nodes.allSatisfy { $0.findings == ["clock"] })
        let silent = PathReport(state: state(), board: board([:]), now: now + 61).paths
        #expect(silent.nodes.allSatisfy { $0.findings == ["untold"] })
    }

    @Test func `a board takes ways to nodes of the swarm alone, and no more than there may be`() throws {
        var board = PulseBoard()
        let many = (0..<400).map { path("n\($0)") } + [path("own")]
        board.take(
            NodePulse(time: now, paths: [path("own"), path("stranger")] + many), of: "own", now: now,
            service: { _ in nil }, peer: { $0.hasPrefix("n") || $0 == "own" ? $0 : nil })
        let kept = try #require(board.paths(ofNode: "own")).paths
        #expect(kept.count == NodePulse.mostPaths - 2)
        #expect(kept.allSatisfy { $0.peer.hasPrefix("n") })
    }

    @Test func `measurements survive their way to managers, and what no node measures does not`() {
        let paths = [
            path("n2"), path("n3", [.silent, .checksums], heard: false),
            PathMeasurement(peer: "n2", kind: .control, roundTripMicroseconds: 3, lossPermille: 7, time: 5),
        ]
        let pulse = NodePulse(time: now, paths: paths)
        #expect(Wire.Pulse(pulse).pulse == pulse)
        var wire = Wire.Pulse(pulse)
        wire.paths[0].kind = 77
        wire.paths[1].mtu = .max
        wire.paths[2].findings = .max
        #expect(wire.pulse.paths.map(\.findings) == [[.silent, .lossy, .narrow, .checksums]])
    }

    @Test func `the shipped rule counts ill ways to nodes that are up`() {
        let told = ["n1": [path("n2", .silent), path("n3", .narrow)], "n2": [path("n1")]]
        func values(down: String?) -> [String: Double] {
            let samples = AlertSamples(
                state: state(down: down), board: board(told), present: [], now: Timestamp(seconds: now)
            ).values(of: .nodePathsIll)
            return Dictionary(samples.map { ($0.labels["node"] ?? "", $0.value) }) { first, _ in first }
        }
        #expect(values(down: nil) == ["n1": 2, "n2": 0, "n3": 0])
        #expect(values(down: "n2")["n1"] == 1)
        var machine = AlertMachine()
        let samples = AlertSamples(state: state(), board: board(told), present: [], now: Timestamp(seconds: now))
        var fired: [String] = []
        for seconds in [0, 60] as [Int64] {
            for change in machine.look(
                AlertRule.shipped.filter { $0.name == "PathIll" },
                at: Timestamp(seconds: now + seconds), samples.values(of:))
            { fired.append(change.alert.summary) }
        }
        #expect(
            fired == [
                "something is wrong with 2 of the ways from node one to other nodes: apus network doctor"
            ])
    }
}
