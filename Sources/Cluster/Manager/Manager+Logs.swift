package import EngineInterface
import Model

extension Manager {
    package func serviceLogs(_ reference: String, _ query: LogQuery) throws -> LogStream {
        let service = try findService(reference)
        return stream(
            .service(service.id), serviceID: service.id,
            isTerminal: service.spec.taskTemplate.containerSpec?.terminal ?? false, query)
    }

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
