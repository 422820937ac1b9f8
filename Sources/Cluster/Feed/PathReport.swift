import Addressing
import EngineInterface
import Model
import Orchestration

/// How the ways between nodes are, and what to do about those that are ill, out of what nodes have told. Pure.
struct PathReport {
    let state: SwarmState
    let board: PulseBoard
    /// Seconds since 1970.
    let now: Int64

    /// Seconds that clocks may differ: a pulse is up to ten seconds old.
    static let clockTolerance: Int64 = 20

    var paths: SwarmPaths {
        var report = SwarmPaths()
        report.dataPathPort = state.cluster?.dataPathPort ?? 4789
        let nodes = state.nodes.values.sorted { (Self.name(of: $0), $0.id) < (Self.name(of: $1), $1.id) }
        report.nodes = nodes.map(describe)
        var told: [String: [PathKind: PathMeasurement]] = [:]
        var fresh: [(from: Node, path: PathMeasurement)] = []
        for node in nodes {
            guard let (time, paths) = board.paths(ofNode: node.id), isFresh(time) else { continue }
            for path in paths {
                fresh.append((node, path))
                told["\(node.id) \(path.peer)", default: [:]][path.kind] = path
            }
        }
        for (from, path) in fresh {
            guard let to = state.nodes[path.peer] else { continue }
            let words = PathAdvice(
                from: place(from), to: place(to), path: path, back: told["\(to.id) \(from.id)"]?[path.kind],
                control: told["\(from.id) \(to.id)"]?[.control], port: report.dataPathPort)
            var shown = SwarmPaths.Path(
                from: from.id, to: to.id, kind: path.kind.word, loss: Double(path.lossPermille) / 1000,
                // Of a node that is down nothing else is to be expected.
                findings: to.status.state == .ready ? path.findings.words : [],
                measuredAt: Timestamp(seconds: path.time))
            shown.roundTripSeconds = path.roundTripMicroseconds.map { Double($0) / 1e6 }
            shown.pathMTU = path.mtu
            shown.linkMTU = path.linkMTU > 0 ? path.linkMTU : nil
            if !shown.findings.isEmpty { shown.advice = words.text }
            report.paths.append(shown)
        }
        report.isWell = report.nodes.allSatisfy(\.findings.isEmpty) && report.paths.allSatisfy(\.findings.isEmpty)
        return report
    }

    private static func name(of node: Node) -> String { node.spec.name ?? node.description?.hostname ?? node.id }

    private func isFresh(_ time: Int64) -> Bool { now - time <= PulseBoard.staleAfter }

    private func place(_ node: Node) -> PathAdvice.Place {
        PathAdvice.Place(name: Self.name(of: node), address: Self.address(of: node))
    }

    private static func address(of node: Node) -> String {
        (node.membership?.dataPathAddress ?? node.status.addr)?.description ?? ""
    }

    private func describe(_ node: Node) -> SwarmPaths.Node {
        var shown = SwarmPaths.Node(id: node.id)
        shown.name = Self.name(of: node)
        shown.state = node.status.state.rawValue
        shown.address = Self.address(of: node)
        let ahead = board.clockAhead(ofNode: node.id)
        if node.status.state != .ready {
            shown.findings = ["down"]
            shown.advice =
                "Node \(shown.name) is \(shown.state): see whether its daemon runs (systemctl status apusd) and reaches a manager at TCP port 2377."
        } else if let ahead, abs(ahead) > Self.clockTolerance {
            shown.findings = ["clock"]
            shown.advice =
                "The clock of node \(shown.name) is \(abs(ahead)) seconds \(ahead > 0 ? "ahead of" : "behind") this manager's: have both keep time by NTP (timedatectl set-ntp true). Certificates and histories depend on it."
        } else if board.paths(ofNode: node.id).map({ isFresh($0.time) }) != true {
            shown.findings = ["untold"]
            shown.advice =
                "Node \(shown.name) has told this manager nothing of itself for a minute: see its daemon's log, and whether it reaches this manager at TCP port 2377."
        }
        return shown
    }
}

/// What to do about a way that is ill, in words for people. Pure.
struct PathAdvice {
    struct Place {
        var name: String
        var address: String
    }

    let from: Place
    let to: Place
    let path: PathMeasurement
    /// The same way as the other end has found it; `nil` where it does not measure it.
    let back: PathMeasurement?
    /// What the first node and the other one, a manager, tell each other; `nil` where there is nothing of that.
    let control: PathMeasurement?
    /// UDP port of VXLAN.
    let port: Int

    private var carries: String {
        switch path.kind {
        case .control: "what nodes and managers tell each other (TCP port 2377)"
        case .vxlan: "VXLAN (UDP port \(port))"
        case .esp: "what encrypted networks send (UDP port \(port + 1))"
        }
    }

    private var opened: String {
        switch path.kind {
        case .control: "tcp dport 2377"
        case .vxlan: "udp dport \(port)"
        case .esp: "udp dport \(port + 1)"
        }
    }

    private func accept(_ source: Place, at target: Place) -> String {
        "On \(target.name): nft insert rule inet filter input ip\(source.address.contains(":") ? "6" : "") saddr \(source.address) \(opened) accept (or the same with the firewall that is in use there, and with that of a cloud between them)."
    }

    /// One sentence or a few; empty for what is well.
    var text: String {
        let findings = path.findings
        if findings.contains(.silent) { return silent }
        if findings.contains(.checksums) { return checksums }
        if findings.contains(.narrow), let mtu = path.mtu { return narrow(mtu) }
        if findings.contains(.lossy) {
            return
                "\(Self.percent(path.lossPermille)) of \(carries) from \(from.name) to \(to.name) is lost: look for an overloaded link, errors of a card (ip -s link), or a limit on the rate of UDP between \(from.address) and \(to.address)."
        }
        return ""
    }

    private var silent: String {
        if path.kind == .control {
            return
                "\(from.name) has no connection to the manager \(to.name): see whether \(to.name) runs, and open TCP port 2377 to it. \(accept(from, at: to))"
        }
        // The other end's questions arrive here: what is lost is either its answers to ours, or ours; and when ours arrive there, the answers.
        switch (path.isHeard, back?.isHeard) {
        case (true, true?):
            return
                "Questions arrive on both sides and answers on none: something between \(from.name) and \(to.name) lets \(carries) pass in one direction of a connection alone. Let it pass without regard to connections, in both directions."
        case (_, true?):
            return
                "\(carries.capitalizedFirst) from \(from.name) arrives at \(to.name); what \(to.name) sends does not arrive at \(from.name). \(accept(to, at: from))"
        case (true, _):
            return
                "\(carries.capitalizedFirst) from \(from.name) does not arrive at \(to.name), though the other direction works. \(accept(from, at: to))"
        case (false, false?) where path.kind == .esp:
            return
                "\(carries.capitalizedFirst) passes in neither direction between \(from.name) and \(to.name): a firewall or the network between them drops it, or one of the two does not encrypt (see what its daemon says of apus-esp). \(accept(from, at: to)) \(accept(to, at: from))"
        case (false, false?):
            return
                "\(carries.capitalizedFirst) passes in neither direction between \(from.name) and \(to.name): a firewall or the network between them drops it, or the port is taken by something else (a hypervisor's own VXLAN). \(accept(from, at: to)) \(accept(to, at: from)) A port that cannot be freed is changed with the swarm: docs/paths.md, \"Another port\"."
        case (false, nil):
            return
                "\(carries.capitalizedFirst) does not pass between \(from.name) and \(to.name). \(accept(from, at: to)) \(accept(to, at: from))"
        }
    }

    private var checksums: String {
        "Packets whose checksum is left to the network card of \(from.name) arrive at \(to.name) with a wrong one, or not at all: the card or its driver spoils them inside tunnels. Apus computes them itself on its own devices of that node; other tunnels there need: ethtool -K LINK tx-checksum-ip-generic off."
    }

    private func narrow(_ mtu: Int) -> String {
        "Packets of the underlay above \(mtu) bytes do not pass from \(from.name) to \(to.name), though the link of \(from.name) sends \(path.linkMTU): containers' large packets go in fragments or are lost. Set the links of all nodes to what passes everywhere (ip link set dev LINK mtu \(mtu)), or widen the way; containers' interfaces follow the links at once."
    }

    private static func percent(_ permille: Int) -> String {
        permille % 10 == 0 ? "\(permille / 10) %" : "\(permille / 10).\(permille % 10) %"
    }
}

extension String {
    /// With a capital at its beginning; what is an abbreviation stays.
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
