package import EngineInterface
import Faults
package import Model
import NodeProtocol

/// What looks at containers and talks with their processes goes to any node.
extension SwarmContainers: ContainerListBackend, ContainerStreamBackend, LogBackend, ContainerStatsBackend {
    package func listContainers(_ query: ContainerQuery) async throws -> [ContainerSummary] {
        try await local.listing.listContainers(query)
    }

    package func inspectContainer(_ reference: String, size: Bool) async throws -> ContainerInspection {
        try await anywhere(reference) {
            try await local.listing.inspectContainer($0, size: size)
        } there: { container in
            do { return try await container.inspect(size: size) } catch let error as TunnelError
                where error.kind == .unavailable && TaskContainerFinder.isTask(container.place, reference)
            {
                // Clients that look for anything of that id, and go on to the task itself, are not to end here.
                throw ContainerError.notFound(reference)
            }
        }
    }

    package func attachContainer(_ reference: String, _ query: AttachQuery) async throws -> any AttachedStreams {
        try await anywhere(reference) {
            try await local.streams.attachContainer($0, query)
        } there: {
            try await $0.attach(query)
        }
    }

    package func resizeContainer(_ reference: String, height: Int, width: Int) async throws {
        try await anywhere(reference) {
            try await local.streams.resizeContainer($0, height: height, width: width)
        } there: {
            try await $0.resize(height: height, width: width)
        }
    }

    package func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        try await anywhere(reference) {
            try await local.logs.containerLogs($0, query)
        } there: {
            try await $0.logs(query)
        }
    }

    package func topContainer(_ reference: String, arguments: String) async throws -> (
        titles: [String], processes: [[String]]
    ) {
        try await anywhere(reference) {
            try await local.stats.topContainer($0, arguments: arguments)
        } there: { container in
            let listing = try await container.top(arguments)
            return (listing.titles, listing.processes)
        }
    }

    package func measureContainer(_ reference: String) async throws -> ContainerMeasurement {
        try await anywhere(reference) {
            try await local.stats.measureContainer($0)
        } there: {
            try await $0.measure()
        }
    }
}

extension SwarmContainers: ExecBackend {
    package func createExec(container reference: String, _ request: ExecRequest) async throws -> String {
        try await createExec(reference, request)
    }

    package func checkExec(_ id: String) async throws -> RequestedExecStreams {
        try await anywhere(exec: id) {
            try await local.execs.checkExec(id)
        } there: {
            try await $0.checkExec(id)
        }
    }

    package func startExec(_ id: String, height: Int?, width: Int?) async throws -> any AttachedStreams {
        try await anywhere(exec: id) {
            try await local.execs.startExec(id, height: height, width: width)
        } there: {
            try await $0.startExec(id, height: height, width: width)
        }
    }

    package func startExecDetached(_ id: String) async throws {
        try await anywhere(exec: id) {
            try await local.execs.startExecDetached(id)
        } there: {
            try await $0.startExecDetached(id)
        }
    }

    package func resizeExec(_ id: String, height: Int, width: Int) async throws {
        try await anywhere(exec: id) {
            try await local.execs.resizeExec(id, height: height, width: width)
        } there: {
            try await $0.resizeExec(id, height: height, width: width)
        }
    }

    package func inspectExec(_ id: String) async throws -> ExecInspection {
        try await anywhere(exec: id) {
            try await local.execs.inspectExec(id)
        } there: {
            try await $0.inspectExec(id)
        }
    }
}

/// What changes a container stays with its own node, and is refused elsewhere as what is not there; only its end can be waited for anywhere.
extension SwarmContainers: ContainerBackend {
    package func waitForContainer(_ reference: String, _ condition: WaitCondition) async throws -> PendingExit {
        try await anywhere(reference) {
            try await local.containers.waitForContainer($0, condition)
        } there: {
            try await $0.wait(condition)
        }
    }

    package func startContainer(_ reference: String) async throws {
        try await local.containers.startContainer(reference)
    }

    package func stopContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        try await local.containers.stopContainer(reference, signal: signal, timeout: timeout)
    }

    package func restartContainer(_ reference: String, signal: String?, timeout: Int?) async throws {
        try await local.containers.restartContainer(reference, signal: signal, timeout: timeout)
    }

    package func killContainer(_ reference: String, signal: String?) async throws {
        try await local.containers.killContainer(reference, signal: signal)
    }

    package func pauseContainer(_ reference: String) async throws {
        try await local.containers.pauseContainer(reference)
    }

    package func unpauseContainer(_ reference: String) async throws {
        try await local.containers.unpauseContainer(reference)
    }

    package func renameContainer(_ reference: String, to name: String) async throws {
        try await local.containers.renameContainer(reference, to: name)
    }

    package func updateContainer(_ reference: String, _ changes: HostConfiguration) async throws -> [String] {
        try await local.containers.updateContainer(reference, changes)
    }

    package func removeContainer(_ reference: String, force: Bool, removeVolumes: Bool) async throws {
        try await local.containers.removeContainer(reference, force: force, removeVolumes: removeVolumes)
    }

    package func removeLink(_ reference: String) async throws { try await local.containers.removeLink(reference) }

    package func pruneContainers(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64) {
        try await local.containers.pruneContainers(filters)
    }
}
