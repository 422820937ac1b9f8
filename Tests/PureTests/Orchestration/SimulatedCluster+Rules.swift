import Model
import StateStore
import Testing

@testable import Orchestration

/// What must hold of a simulated swarm.
extension SimulatedCluster {
    /// At every moment.
    mutating func check() {
        var holders: [String: String] = [:]
        func hold(_ what: String, _ who: String) {
            if let other = holders.updateValue(who, forKey: what), other != who {
                problems.append("second \(second): \(who) and \(other) both have \(what)")
            }
        }
        for service in store.services.shared.map(\.value) {
            for held in service.endpoint.virtualIPs ?? [] {
                if let address = held.addr { hold("\(address.address) in \(held.networkID)", service.id) }
            }
            for port in service.endpoint.ports ?? [] where port.publishedPort ?? 0 != 0 {
                hold("port \(port.publishedPort ?? 0)", service.id)
            }
        }
        for node in store.nodes.shared.map(\.value) {
            for address in node.membership?.ingressAddresses?.all ?? [] { hold("\(address) in ingress", node.id) }
        }
        var places: [String: [SwarmTask]] = [:]
        for task in store.tasks.shared.map(\.value) {
            if let former = reached[task.id], task.status.state < former {
                problems.append("second \(second): \(task.id) goes back from \(former) to \(task.status.state)")
            }
            reached[task.id] = task.status.state
            guard task.isLive else { continue }
            for attachment in task.networksAttachments ?? [] {
                for address in attachment.addresses { hold("\(address.address) in \(attachment.network.id)", task.id) }
            }
            if task.desiredState == .running { places["\(task.serviceID)/\(task.place)", default: []].append(task) }
        }
        for (place, tasks) in places where tasks.count > 1 {
            let service = store.services[tasks[0].serviceID]
            let most = service == nil || service?.spec.updateConfig?.order == "start-first" ? 2 : 1
            if tasks.count > most {
                problems.append("second \(second): \(place) is told to run \(tasks.map(\.id).sorted())")
            }
        }
    }

    /// When all has been quiet for long enough.
    mutating func checkEnd() {
        let wanted = store.tasks.shared.map(\.value).filter { $0.isLive }
        for service in store.services.values {
            let own = wanted.filter { $0.serviceID == service.id }
            let running = own.filter { $0.status.state == .running && $0.desiredState == .running }
            let count: Int = service.spec.isGlobal ? agents.count : service.spec.replicas
            if running.count != count || own.count != count {
                let states = own.map { "\($0.id) \($0.status.state) to \($0.desiredState): \($0.status.err ?? "")" }
                problems.append("\(service.id): \(running.count) of \(count) run: \(states.sorted().prefix(8))")
            }
            if running.contains(where: { !service.isUpToDate($0, on: nil) }) {
                problems.append("\(service.id) has outdated tasks: \(service.updateStatus as Any)")
            }
        }
        for task in wanted where store.services[task.serviceID] == nil { problems.append("\(task.id) is left over") }
        let told = Set(wanted.map(\.id))
        for (id, agent) in agents {
            let running = Set(agent.containers.filter { $0.value == .running }.keys)
            let own = Set(wanted.filter { $0.nodeID == id }.map(\.id))
            if running != own { problems.append("\(id) runs \(running.symmetricDifference(own)) otherwise") }
        }
        for (place, tasks) in Dictionary(grouping: store.tasks.values, by: { "\($0.serviceID)/\($0.place)" })
        where tasks.count > TaskReaper.defaultHistory {
            problems.append("\(place) keeps \(tasks.count) tasks")
        }
        // What lookups say is held is what somebody holds.
        for network in store.networks.keys {
            var held = 0
            for task in wanted where told.contains(task.id) {
                for attachment in task.networksAttachments ?? [] where attachment.network.id == network {
                    held += attachment.addresses.count
                }
            }
            let count = store.tasks.lookup.addressCount(in: network)
            if count != held { problems.append("\(network): \(count) of \(held) addresses") }
        }
    }
}
