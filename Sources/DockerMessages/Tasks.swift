import EngineInterface

extension TaskError: MessageConvertible {
    var message: String {
        switch self {
        case .addressMissing(let places):
            "cannot assign requested address: this node has no address at \(places.joined(separator: ", "))"
        case .notAssigned(let id):
            "task \(id) is not assigned or has no container"
        case .notContainer:
            "only container tasks are implemented by apus"
        case .containerMissing(let id):
            "task \(id) has no container"
        case .notStarted(let cause):
            "starting container failed: \(cause.message)"
        case .encryptionImpossible(let reason):
            "this node cannot encrypt what the task's networks send: \(reason)"
        case .endedBeforeHealthy:
            "the container ended before it was healthy"
        case .exited(let code, .program):
            "task: non-zero exit (\(code))"
        case .exited(let code, .unhealthy):
            "task: non-zero exit (\(code)): dockerexec: unhealthy container"
        case .exited(let code, .outOfMemory):
            "task: non-zero exit (\(code)): OOM killed"
        }
    }
}
