package import EngineInterface
import Faults

/// Reading what containers have written.
extension NodeEngine {
    package func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        _ = try containers.find(reference)
        throw Refusal(.notImplemented, "docker logs is not implemented by apus yet")
    }
}
