package import Model

/// One line of `GET /events`, with the fields of old clients beside the present ones.
package struct EventMessage: Encodable, Sendable {
    private let event: EngineEvent
    private let told: ToldEvent

    package init(_ told: ToldEvent) {
        event = told.event
        self.told = told
    }

    private enum CodingKeys: String, CodingKey {
        case status, id, from
        case type = "Type"
        case action = "Action"
        case actor = "Actor"
        case scope, time, timeNano
        // Beyond Docker's, for clients that ask for more than Docker has.
        case eventID, cursor
    }

    private struct Actor: Encodable {
        let id: String
        let attributes: [String: String]
        private enum CodingKeys: String, CodingKey {
            case id = "ID"
            case attributes = "Attributes"
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if event.type == "container" || event.type == "image" {
            try container.encode(event.action, forKey: .status)
            try container.encode(event.actorID, forKey: .id)
        }
        if event.type == "container" {
            try container.encodeIfPresent(event.attributes["image"], forKey: .from)
        }
        try container.encode(event.type, forKey: .type)
        try container.encode(event.action, forKey: .action)
        try container.encode(Actor(id: event.actorID, attributes: event.attributes), forKey: .actor)
        try container.encode(event.scope, forKey: .scope)
        try container.encode(event.time.seconds, forKey: .time)
        try container.encode(event.time.nanosecondsSinceEpoch, forKey: .timeNano)
        try container.encodeIfPresent(told.id?.description, forKey: .eventID)
        try container.encodeIfPresent(told.cursor?.description, forKey: .cursor)
    }
}
