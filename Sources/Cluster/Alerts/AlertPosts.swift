/// What receivers are told of alerts, and what silences keep from them. Pure.
///
/// A silenced alert is not told, and told when the silence is over and it still goes on. Whoever may have been told that an alert goes on
/// is told of its end, silenced or not: otherwise it would stay open there for good.
struct AlertPosts {
    /// What is to be done with a receiver.
    enum Step: Equatable {
        case tell(Alert)
        /// It is not told any more what waits, by fingerprint.
        case withdraw(String)
    }

    private enum Standing {
        case told
        /// Silenced after it was told, or by a leader before: it may be known.
        case silenced
    }

    /// By fingerprint; nothing for one that nobody can have been told of.
    private var standings: [String: Standing] = [:]

    /// - Parameter restored: Alerts that a leader before may have told.
    init(restored: some Sequence<String>) {
        for fingerprint in restored { standings[fingerprint] = .silenced }
    }

    /// - Parameters:
    ///   - ended: Alerts that are over since the last time.
    ///   - firing: Those that go on.
    ///   - room: How many the receiver may be told of; what has none is told at a later time, as long as it goes on.
    mutating func steps(
        ended: [Alert], firing: some Sequence<Alert>, room: Int = .max, isSilenced: (Alert) -> Bool
    ) -> [Step] {
        var steps: [Step] = []
        var room = room
        for alert in ended where standings.removeValue(forKey: alert.fingerprint) != nil { steps.append(.tell(alert)) }
        for alert in firing {
            let standing = standings[alert.fingerprint]
            if isSilenced(alert) {
                guard standing == .told else { continue }
                standings[alert.fingerprint] = .silenced
                steps.append(.withdraw(alert.fingerprint))
            } else if standing != .told, room > 0 {
                room -= 1
                standings[alert.fingerprint] = .told
                steps.append(.tell(alert))
            }
        }
        return steps
    }
}
