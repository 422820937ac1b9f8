package import EngineInterface
import Model
import SwiftProtobuf

extension Wire.NodeEvent {
    package init(_ numbered: NumberedEvent) {
        self.init()
        sequence = numbered.sequence
        time = numbered.event.time.clampedNanosecondsSinceEpoch
        type = numbered.event.type
        action = numbered.event.action
        actorID = numbered.event.actorID
        attributes = numbered.event.attributes
    }

    package var numbered: NumberedEvent {
        NumberedEvent(
            sequence: sequence,
            event: EngineEvent(
                type: type, action: action, actorID: actorID, attributes: attributes,
                time: Timestamp(nanosecondsSinceEpoch: time)))
    }
}

extension Wire.Pulse {
    package init(_ pulse: NodePulse) {
        self.init()
        time = pulse.time
        node = pulse.node
        tasks = pulse.tasks.sorted { $0.key < $1.key }.map { id, values in
            .with {
                $0.taskID = id
                $0.values = values
            }
        }
    }

    package var pulse: NodePulse {
        NodePulse(time: time, node: node, tasks: Dictionary(tasks.map { ($0.taskID, $0.values) }) { $1 })
    }
}
