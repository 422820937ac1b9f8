package import Model

/// What a node's network tells of itself. Counts go up from the daemon's start.
package struct NodeNetworkFacts: Sendable, Equatable {
    /// Differences from what was wanted, in parts of one kind.
    package struct Drift: Sendable, Equatable {
        /// Put right.
        package var repaired: UInt64 = 0
        /// Found and not put right, or not to be compared; they are tried again.
        package var failed: UInt64 = 0
        package init() {}
    }

    /// The same of one network.
    package struct NetworkDrift: Sendable, Equatable {
        /// The network's name.
        package var network: String
        package var networkID: String
        package var drift = Drift()

        package init(network: String, networkID: String) {
            self.network = network
            self.networkID = networkID
        }
    }

    /// Answers of one kind.
    package struct Answers: Sendable, Equatable {
        /// `node` or `upstream`.
        package var scope: String
        /// As programs spell it, in lower case: `noerror`, `nxdomain`.
        package var code: String
        package var count: UInt64

        package init(scope: String, code: String, count: UInt64) {
            self.code = code
            self.count = count
            self.scope = scope
        }
    }

    /// How many ports of its bridge on the node a network has in use.
    package struct BridgePorts: Sendable, Equatable {
        /// The network's name.
        package var network: String
        package var networkID: String
        /// Ports.
        package var used: Int

        package init(network: String, networkID: String, used: Int) {
            self.network = network
            self.networkID = networkID
            self.used = used
        }
    }

    /// By kind of part: `node`, `overlay`, `ingress`, `sandbox`.
    package var drift: [String: Drift] = [:]
    /// By network, of those of which something was found.
    package var networkDrift: [NetworkDrift] = []
    package var answers: [Answers] = []
    /// For which queries have waited for upstreams, all together.
    package var upstreamNanoseconds: UInt64 = 0
    /// How long passes over the kernel have taken, by kind: `part`, `whole`, `comparison`.
    package var passes: [String: DurationHistogram] = [:]
    /// From when something was wanted to when it was in force.
    package var convergence = DurationHistogram()
    /// As they are now, of networks that have a bridge here.
    package var bridgePorts: [BridgePorts] = []
    /// The most that a bridge can have.
    package var mostBridgePorts = 0

    package init() {}
}

/// The metrics of repairs and of names.
struct NodeNetworkFamilies {
    static let kinds = ["ingress", "node", "overlay", "sandbox"]

    static func write(_ facts: NodeNetworkFacts, to page: inout ExpositionWriter) {
        page.family(
            "apus_drift_repairs", .counter,
            "Things in the kernel that were other than the node's networks need them, and were put right.")
        for kind in kinds {
            page.sample(.init([("kind", kind)]), Int64(clamping: facts.drift[kind]?.repaired ?? 0))
        }
        page.family(
            "apus_drift_failures", .counter,
            "Attempts to compare or to put right what a network needs in the kernel that have failed.")
        for kind in kinds {
            page.sample(.init([("kind", kind)]), Int64(clamping: facts.drift[kind]?.failed ?? 0))
        }
        page.family(
            "apus_reconcile_seconds", .histogram, unit: "seconds",
            "How long passes over the kernel's network have taken: over what has changed (part), over everything that is wanted (whole), or to compare."
        )
        for kind in ["comparison", "part", "whole"] {
            page.sample(.init([("kind", kind)]), facts.passes[kind] ?? DurationHistogram())
        }
        page.family(
            "apus_convergence_seconds", .histogram, unit: "seconds",
            "From when a change of the node's networks was wanted to when it was in force in the kernel.")
        page.sample(.init([("kind", "network")]), facts.convergence)
        page.family(
            "apus_dns_queries", .counter,
            "Queries of containers that were answered, by what the answer says and by who had it.")
        for answers in facts.answers {
            page.sample(
                .init([("scope", answers.scope), ("rcode", answers.code)]), Int64(clamping: answers.count))
        }
        page.family(
            "apus_dns_seconds", .counter, unit: "seconds",
            "Time for which queries have waited for upstream servers, all together.")
        page.sample(.init([("scope", "upstream")]), microseconds: Int64(clamping: facts.upstreamNanoseconds / 1000))
        if !facts.networkDrift.isEmpty { writeDrift(facts.networkDrift, to: &page) }
        if !facts.bridgePorts.isEmpty { writePorts(facts, to: &page) }
    }

    private static func writeDrift(_ networks: [NodeNetworkFacts.NetworkDrift], to page: inout ExpositionWriter) {
        let labelled = networks.map {
            ($0.drift, ExpositionWriter.Labels([("network", $0.network), ("network_id", $0.networkID)]))
        }
        page.family(
            "apus_network_drift_repairs", .counter,
            "Things of a network in the kernel of this node that were other than it needs them, and were put right.")
        for (drift, labels) in labelled { page.sample(labels, Int64(clamping: drift.repaired)) }
        page.family(
            "apus_network_drift_failures", .counter,
            "Attempts to compare or to put right what a network needs in the kernel of this node that have failed.")
        for (drift, labels) in labelled { page.sample(labels, Int64(clamping: drift.failed)) }
    }

    private static func writePorts(_ facts: NodeNetworkFacts, to page: inout ExpositionWriter) {
        page.family(
            "apus_network_bridge_ports", .gauge,
            "Ports that are in use of a network's bridge on this node: one a container, in an overlay one to other nodes, and in ingress and docker_gwbridge one of the ingress sandbox."
        )
        for ports in facts.bridgePorts {
            page.sample(
                .init([("network", ports.network), ("network_id", ports.networkID)]), Int64(clamping: ports.used))
        }
        page.family("apus_network_bridge_ports_limit", .gauge, "The most ports that Linux gives a bridge.")
        page.sample(Int64(clamping: facts.mostBridgePorts))
    }
}
