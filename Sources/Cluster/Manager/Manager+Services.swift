package import EngineInterface
import LinuxSystem
package import Model
import Orchestration
import StateStore

extension Manager {
    /// In the order in which they were made, without credentials. A filter's `id` and `name` may be beginnings.
    /// - Parameter withStatus: Also count the tasks that run and that should.
    /// - Throws: For a filter that services do not have.
    package func listServices(_ filters: Filters, withStatus: Bool) throws -> [Service] {
        try filters.allow(["id", "label", "mode", "name", "runtime"])
        let objects = model.objects
        let found = objects.services.shared.filter { shared in
            let service = shared.value
            return filters.any("id") { service.id.hasPrefix($0) }
                && filters.any("name") { service.spec.name.hasPrefix($0) }
                && filters.any("mode") { $0 == service.spec.modeName }
                && filters.any("runtime") { $0 == service.spec.taskTemplate.runtime ?? "container" }
                && filters.labelsMatch(service.spec.labels)
        }
        .sorted { ($0.value.createdAt, $0.value.id) < ($1.value.createdAt, $1.value.id) }
        let statuses = withStatus ? ServiceStatuses(objects) : nil
        return found.map { shared in
            var service = Self.shown(shared.value)
            if let statuses { service.serviceStatus = statuses.status(of: service) }
            return service
        }
    }

    /// - Parameter insertDefaults: Fill in what holds where the specification says nothing.
    package func inspectService(_ reference: String, insertDefaults: Bool) throws -> Service {
        var service = Self.shown(try findService(reference))
        if insertDefaults { service.spec.fillIn() }
        return service
    }

    /// The API does not show what only the swarm needs.
    private static func shown(_ service: Service) -> Service {
        var service = service
        service.rollout = nil
        service.specSince = nil
        service.leaveOutCredentials()
        return service
    }

    func findService(_ reference: String) throws -> Service {
        let objects = model.objects
        return try find(
            reference, in: objects.services, kind: .service, named: objects.services(named: reference))
    }

    /// Returns once the store has the service; the leader makes its tasks afterwards. One without a name is given a free one.
    /// - Throws: What ``ServiceRules`` refuses.
    /// - Returns: No warnings at present.
    package func createService(_ spec: ServiceSpec) async throws -> (id: String, warnings: [String]) {
        let id = RandomID.swarm()
        try await guarded { state in
            var service = Service(id: id)
            var spec = spec
            if spec.name.isEmpty { spec.name = Self.freeName(in: state) }
            service.spec = try ServiceRules(state).checked(spec, replacing: nil)
            service.createdAt = .now
            service.updatedAt = service.createdAt
            if service.spec.isJob {
                service.jobStatus = JobStatus(jobIteration: ObjectVersion(), lastExecution: service.createdAt)
            }
            let name = StoreKey.name(.services, service.spec.name)
            return StoreTransaction(
                conditions: [.absent(service.key), .absent(name)],
                puts: [.init(service.key, try service.storedBytes), .init(name, Array(id.utf8))])
        }
        return (id, [])
    }

    /// A name for a service whose creator gives none. Source: Docker's, which takes those of its containers.
    private static func freeName(in state: SwarmState) -> String {
        let taken = Set(state.services.shared.map(\.value.spec.name))
        return RandomName.make(unless: taken.contains) ?? "service_\(RandomID.hex(bytes: 6))"
    }

    /// Returns once the store has the specification; the leader replaces tasks afterwards. A job is executed anew.
    /// - Parameters:
    ///   - version: The one that `spec` was made from.
    ///   - rollback: Take the specification of before instead of `spec`.
    ///   - origin: Whose credentials the nodes go on with when `spec` has none.
    /// - Returns: Warnings: none at present.
    /// - Throws: ``SwarmObjectError``, `.outOfSequence` when the specification has changed since `version`; ``ServiceError`` `.noPreviousSpec`; what
    ///   ``ServiceRules`` refuses.
    package func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool,
        credentialsFrom origin: CredentialsOrigin = .spec
    ) async throws -> [String] {
        let isKnown = try await hasCaughtUp(toVersion: version)
        let id = try findService(reference).id
        guard isKnown else { throw SwarmObjectError.outOfSequence }
        try await guarded { state in
            guard var service = state.services[id] else { throw SwarmObjectError.notFound(.service, reference) }
            try Self.check(version, of: service.version, since: service.specSince)
            let condition = StoreTransaction.Condition.modified(service.key, at: Int64(clamping: service.version.index))
            service.specSince = service.version.index + 1
            let former = service.spec
            service.updateStatus = nil
            service.rollout = nil
            if rollback {
                guard let previous = service.previousSpec else {
                    throw ServiceError.noPreviousSpec(id)
                }
                service.spec = try ServiceRules(state).checked(previous, replacing: service, isExact: true)
                service.updateStatus = UpdateStatus(
                    state: "rollback_started", message: "manually requested rollback", startedAt: .now)
            } else {
                // Whether tasks are to be updated, and so what the status says, the leader finds out.
                service.spec = try ServiceRules(state).checked(
                    try spec.keepingCredentials(of: service, from: origin), replacing: service)
            }
            service.previousSpec = former
            service.updatedAt = .now
            // A job is executed anew whenever its service is updated. Source: Engine API 1.50, `JobStatus`.
            if service.spec.isJob {
                service.updateStatus = nil
                service.jobStatus = JobStatus(
                    jobIteration: ObjectVersion(index: (service.jobStatus?.jobIteration.index ?? 0) + 1),
                    lastExecution: .now)
            }
            return StoreTransaction(conditions: [condition], puts: [.init(service.key, try service.storedBytes)])
        }
        return []
    }

    /// Its name is free at once; its tasks are stopped afterwards.
    /// - Parameter reference: An id, the beginning of one, or a name.
    package func removeService(_ reference: String) async throws {
        let service = try findService(reference)
        try await guarded { state in
            guard let present = state.services[service.id] else {
                throw SwarmObjectError.notFound(.service, reference)
            }
            return StoreTransaction(
                conditions: [.modified(present.key, at: Int64(clamping: present.version.index))],
                deletes: [present.key, .name(.services, present.spec.name)])
        }
    }
}

extension UpdateStatus {
    fileprivate init(state: String, message: String, startedAt: Timestamp) {
        self.init()
        self.message = message
        self.startedAt = startedAt
        self.state = state
    }
}

extension Manager {
    /// The lines of all of the service's tasks, from every node. The nodes send them from now on, until the stream is let go.
    /// - Parameter reference: An id, the beginning of one, or a name.
    package func serviceLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
        let service = try findService(reference)
        return stream(
            .service(service.id), serviceID: service.id,
            isTerminal: service.spec.taskTemplate.containerSpec?.terminal ?? false, query)
    }

    /// The lines of one task, from whichever node it is on, which sends them from now on until the stream is let go.
    /// - Parameter reference: An id or the beginning of one.
    package func taskLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
        let task = try inspectTask(reference)
        return stream(
            .task(task.id), serviceID: task.serviceID, isTerminal: task.spec.containerSpec?.terminal ?? false, query)
    }

    private func stream(
        _ target: LogDemand.Target, serviceID: String, isTerminal: Bool, _ query: LogQuery
    ) -> LogStream {
        let reader = SwarmLogReader(logs, target, serviceID: serviceID, isTerminal: isTerminal, query)
        return LogStream(isTerminal: isTerminal, output: AsyncThrowingStream { try await reader.next() })
    }
}
