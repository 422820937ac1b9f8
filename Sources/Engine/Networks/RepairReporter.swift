import DataPlane
import Logging
import Model

/// What the data plane found and repaired, as events: `docker events --filter type=network --filter event=repair`.
struct RepairReporter: Sendable {
    let network: NetworkCoordinator
    let networks: LocalNetworks
    let members: any NetworkMembers
    let events: EventLog
    let log: Logger
    let counts = RepairCounts()

    /// Until cancelled.
    func run() async {
        for await drift in network.dataPlane.repairs where !drift.isClean {
            counts.note(drift)
            for (scope, words) in drift.repairs.sorted(by: { "\($0.key)" < "\($1.key)" }) {
                publish("repair", scope, drift, count: words.count, ["repaired": Self.text(words)])
                await renewParameters(scope)
            }
            // Found, but not put right: the data plane tries again, and tells again.
            for (scope, errors) in drift.failures.sorted(by: { "\($0.key)" < "\($1.key)" }) {
                publish("drift", scope, drift, count: errors.count, ["error": Self.text(errors.map { "\($0)" })])
            }
        }
    }

    /// A link that was made anew has the kernel's parameters.
    private func renewParameters(_ scope: Scope) async {
        guard case .sandbox(let id) = scope, let record = members.member(id), record.isUp else { return }
        do { try await network.applyParameters(record.endpoints, of: id) } catch {
            log.error(
                "parameters of a container's link are not set",
                metadata: ["container": "\(record.shortID)", "error": "\(error)"])
        }
    }

    private static func text(_ words: [String]) -> String {
        let shown = words.prefix(DriftReport.mostWords).joined(separator: "; ")
        return words.count > DriftReport.mostWords ? shown + "; …" : shown
    }

    /// The event's actor is the network concerned; the node's own namespace is Docker's network `host`.
    private func publish(
        _ action: String, _ scope: Scope, _ drift: DriftReport, count: Int, _ more: [String: String]
    ) {
        var attributes = [
            "part": "\(scope)", "reason": drift.reason, "count": "\(count)", "total": "\(drift.total)",
            "seconds": "\(drift.duration.seconds)",
        ].merging(more) { first, _ in first }
        var actor = ""
        switch scope {
        case .node:
            actor = networks.named("host")?.id ?? ""
            attributes["name"] = "host"
        case .overlay(let id):
            actor = id
            attributes["name"] = network.swarmNetwork(id)?.network?.spec.name
        case .ingress:
            let ingress = network.ingressNetwork
            actor = ingress?.id ?? ""
            attributes["name"] = ingress?.spec.name
        case .sandbox(let id):
            let endpoint = members.member(id)?.endpoints.first
            actor = endpoint?.networkID ?? ""
            attributes["name"] = endpoint?.networkName
            attributes["container"] = id
        }
        if !actor.isEmpty {
            let isRepair = action == "repair"
            counts.note(
                network: actor, name: attributes["name"] ?? actor, repaired: isRepair ? count : 0,
                failed: isRepair ? 0 : count)
        }
        events.publish("network", action, actor, attributes)
    }
}
