import EngineInterface
import Faults

@testable import DockerMessages

extension SentenceTests {
    static let tasks: [Row] = [
        Row(
            TaskError.addressMissing(["eth1", "10.0.0.0/8"]), .internalError,
            "cannot assign requested address: this node has no address at eth1, 10.0.0.0/8"),
        Row(TaskError.notAssigned("id"), .invalidInput, "task id is not assigned or has no container"),
        Row(TaskError.notContainer, .notImplemented, "only container tasks are implemented by apus"),
        Row(TaskError.containerMissing("id"), .notFound, "task id has no container"),
        Row(
            TaskError.notStarted(Cause(VolumeError.notFound("v"))), .internalError,
            "starting container failed: get v: no such volume"),
        Row(
            TaskError.encryptionImpossible("no TAP devices"), .internalError,
            "this node cannot encrypt what the task's networks send: no TAP devices"),
        Row(TaskError.endedBeforeHealthy, .internalError, "the container ended before it was healthy"),
        Row(TaskError.exited(code: 3, reason: .program), .internalError, "task: non-zero exit (3)"),
        Row(
            TaskError.exited(code: 0, reason: .unhealthy), .internalError,
            "task: non-zero exit (0): dockerexec: unhealthy container"),
        Row(TaskError.exited(code: 137, reason: .outOfMemory), .internalError, "task: non-zero exit (137): OOM killed"),
    ]
}
