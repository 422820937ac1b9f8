import EngineInterface
import Model
import NodeProtocol
import SwiftProtobuf

/// What events tell of a question: on the manager that asks, and on the node that answers. Numbers that managers are told anyway, and what belongs
/// to a question before, are not worth one; nor are the lines of a container that belongs to no task, which whoever looks at the dashboard is shown, as those of services.
struct TunnelAudit {
    /// Bytes of a command.
    private static let mostCommand = 1 << 10

    private let action: String?
    private let containerID: String
    private var attributes: [String: String]

    init(_ place: TaskContainerPlace, _ question: Wire.TunnelBeginning.OneOf_Question) {
        self.init(containerID: place.containerID, taskID: place.taskID, question)
        attributes["name"] = place.name
        attributes["service.id"] = place.serviceID
    }

    init(containerID: String, taskID: String, _ question: Wire.TunnelBeginning.OneOf_Question?) {
        self.containerID = containerID
        attributes = ["task.id": taskID]
        switch question {
        case .inspect: action = "inspect"
        case .top: action = "top"
        case .logs: action = taskID.isEmpty ? nil : "logs"
        case .attach: action = "attach"
        case .createExec(let created):
            action = "exec_create"
            // Its environment, which may hold secrets, is nobody's business; what cannot be read is refused later.
            let command = (try? WireJSON.decode(ExecRequest.self, from: created.request))?.cmd ?? []
            attributes["command"] = NodeReports.cut(command.joined(separator: " "), Self.mostCommand)
        case .startExec(let started):
            action = "exec_start"
            attributes["execID"] = started.execID
        case .measure, .resize, .wait, .checkExec, .resizeExec, .inspectExec, nil: action = nil
        }
    }

    /// - Parameters:
    ///   - scope: `swarm` where it was asked for, `local` where it is answered.
    ///   - more: Who has asked, and where.
    func tell(_ events: (any EventExchange)?, scope: String, _ more: [String: String?]) {
        guard let action else { return }
        let attributes = attributes.merging(more.compactMapValues(\.self).filter { !$0.value.isEmpty }) { $1 }
        events?.publish(
            EngineEvent(
                type: LoggedEvent.auditType, action: action, actorID: containerID, attributes: attributes, scope: scope),
            id: nil)
    }
}
