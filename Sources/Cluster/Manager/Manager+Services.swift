package import EngineInterface
import Faults
import LinuxSystem
package import Model
import Orchestration
import StateStore

extension Manager {
    package func listServices(_ filters: Filters, withStatus: Bool) throws -> [Service] {
        try filters.allow(["id", "label", "mode", "name", "runtime"])
        let objects = model.objects
        let found = objects.services.values.filter { service in
            filters.any("id") { service.id.hasPrefix($0) }
                && filters.any("name") { service.spec.name.hasPrefix($0) }
                && filters.any("mode") { $0 == (service.spec.isGlobal ? "global" : "replicated") }
                && filters.any("runtime") { $0 == service.spec.taskTemplate.runtime ?? "container" }
                && filters.labelsMatch(service.spec.labels)
        }
        return found.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.map { service in
            var service = service
            if withStatus { service.serviceStatus = Self.status(of: service, objects) }
            return service
        }
    }

    package func inspectService(_ reference: String) throws -> Service { try findService(reference) }

    func findService(_ reference: String) throws -> Service {
        try find(reference, in: model.objects.services, kind: "service") { $0.spec.name }
    }

    package func createService(_ spec: ServiceSpec) async throws -> (id: String, warnings: [String]) {
        let id = RandomID.swarm()
        try await guarded { state in
            var service = Service(id: id)
            service.spec = try ServiceRules(state).checked(spec, replacing: nil)
            service.createdAt = .now
            service.updatedAt = service.createdAt
            let name = StoreKey.name(.services, service.spec.name)
            return StoreTransaction(
                conditions: [.absent(service.key), .absent(name)],
                puts: [.init(service.key, try service.storedBytes), .init(name, Array(id.utf8))])
        }
        return (id, [])
    }

    package func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool
    ) async throws -> [String] {
        let id = try findService(reference).id
        try await guarded { state in
            guard var service = state.services[id] else { throw Refusal(.notFound, "service \(reference) not found") }
            guard service.version.index == version else { throw Self.outOfSequence }
            let condition = StoreTransaction.Condition.modified(service.key, at: Int64(version))
            let former = service.spec
            if rollback {
                guard let previous = service.previousSpec else {
                    throw Refusal(
                        .invalidInput,
                        "rpc error: code = FailedPrecondition desc = service \(id) does not have a previous spec")
                }
                service.spec = previous
            } else {
                service.spec = try ServiceRules(state).checked(spec, replacing: service)
            }
            service.previousSpec = former
            service.updatedAt = .now
            if service.spec.taskTemplate != former.taskTemplate {
                var update = UpdateStatus()
                update.state = "updating"
                update.startedAt = .now
                update.message = "update in progress"
                service.updateStatus = update
            }
            return StoreTransaction(conditions: [condition], puts: [.init(service.key, try service.storedBytes)])
        }
        return []
    }

    package func removeService(_ reference: String) async throws {
        let service = try findService(reference)
        try await guarded { state in
            guard let present = state.services[service.id] else {
                throw Refusal(.notFound, "service \(reference) not found")
            }
            return StoreTransaction(
                conditions: [.modified(present.key, at: Int64(present.version.index))],
                deletes: [present.key, .name(.services, present.spec.name)])
        }
    }

    private static func status(of service: Service, _ state: SwarmState) -> ServiceStatus {
        let tasks = state.tasks.values.filter { $0.serviceID == service.id }
        var status = ServiceStatus()
        status.runningTasks = UInt64(
            tasks.count {
                $0.status.state == .running && $0.isWanted && state.nodes[$0.nodeID ?? ""]?.status.state != .down
            })
        status.desiredTasks =
            service.spec.isGlobal ? UInt64(tasks.count { $0.isWanted }) : UInt64(service.spec.replicas)
        return status
    }
}
