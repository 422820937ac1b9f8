import DataPlane
import NameService
import Synchronization
import Telemetry

/// What the data plane has found and repaired since the daemon has started, for metrics.
final class RepairCounts: Sendable {
    /// Networks with counts of their own: those that are gone stay until the daemon ends.
    static let mostNetworks = 256

    private let counts = Mutex<[String: NodeNetworkFacts.Drift]>([:])
    /// By the networks' ids.
    private let ofNetworks = Mutex<[String: NodeNetworkFacts.NetworkDrift]>([:])

    /// By kind of part.
    var drift: [String: NodeNetworkFacts.Drift] { counts.withLock { $0 } }

    /// In the order of their names.
    var networks: [NodeNetworkFacts.NetworkDrift] {
        ofNetworks.withLock { Array($0.values) }.sorted { ($0.network, $0.networkID) < ($1.network, $1.networkID) }
    }

    /// Counts what was found of one network; of more than ``mostNetworks`` the ones that come last are not counted.
    func note(network id: String, name: String, repaired: Int = 0, failed: Int = 0) {
        ofNetworks.withLock { networks in
            guard networks[id] != nil || networks.count < Self.mostNetworks else { return }
            var one = networks[id] ?? NodeNetworkFacts.NetworkDrift(network: name, networkID: id)
            one.drift.repaired += UInt64(clamping: repaired)
            one.drift.failed += UInt64(clamping: failed)
            networks[id] = one
        }
    }

    func note(_ report: DriftReport) {
        counts.withLock { counts in
            for (scope, words) in report.repairs {
                counts[scope.kind, default: .init()].repaired += UInt64(clamping: words.count)
            }
            for (scope, errors) in report.failures {
                counts[scope.kind, default: .init()].failed += UInt64(clamping: errors.count)
            }
        }
    }
}

extension Scope {
    fileprivate var kind: String {
        switch self {
        case .node: "node"
        case .overlay: "overlay"
        case .ingress: "ingress"
        case .sandbox: "sandbox"
        }
    }
}

extension NodeNetworkFacts {
    init(_ repairs: RepairCounts, _ names: QueryCounts, _ times: PassTimes) {
        self.init()
        convergence = times.convergence
        drift = repairs.drift
        networkDrift = repairs.networks
        for (kind, taken) in times.passes { passes[kind.rawValue] = taken }
        for origin in QueryCounts.Origin.allCases {
            answers += QueryCounts.Code.allCases.map {
                Answers(scope: origin.rawValue, code: $0.rawValue, count: names.count(origin, $0))
            }
        }
        upstreamNanoseconds = names.waitedNanoseconds
    }

    /// - Parameter overlay: The name of a network of the swarm, by its id; what has none goes by its id.
    mutating func take(_ ports: BridgePortCounts, _ local: [LocalNetwork], overlay: (String) -> String?) {
        mostBridgePorts = BridgePortCounts.most
        bridgePorts = local.compactMap { network in
            guard network.driver == "bridge", let used = ports.bridges[network.bridgeName] else { return nil }
            return BridgePorts(network: network.name, networkID: network.id, used: used)
        }
        bridgePorts += ports.overlays.map {
            BridgePorts(network: overlay($0.key) ?? $0.key, networkID: $0.key, used: $0.value)
        }
        bridgePorts.sort { ($0.network, $0.networkID) < ($1.network, $1.networkID) }
    }
}
