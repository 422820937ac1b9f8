package import Model

/// The texts that `docker ps` shows. Source: Docker's units package, as recorded from its clients.
package enum StatusText {
    /// `Up 3 minutes (healthy)`, `Exited (1) 2 hours ago`.
    package static func of(_ state: ContainerState, now: Timestamp) -> String {
        switch state.status {
        case "running": return "Up \(duration(now.timeSince(state.startedAt)))\(health(state.health))"
        case "paused": return "Up \(duration(now.timeSince(state.startedAt))) (Paused)"
        case "restarting": return "Restarting (\(state.exitCode)) \(duration(now.timeSince(state.finishedAt))) ago"
        case "created": return "Created"
        case "removing": return "Removal In Progress"
        case "dead": return "Dead"
        default: return "Exited (\(state.exitCode)) \(duration(now.timeSince(state.finishedAt))) ago"
        }
    }

    private static func health(_ health: HealthState?) -> String {
        switch health?.status {
        case nil, "none": ""
        case "starting": " (health: starting)"
        case .some(let status): " (\(status))"
        }
    }

    /// `About a minute`.
    package static func duration(_ seconds: Double) -> String {
        let count = Int(exactly: max(0, seconds).rounded(.down)) ?? .max
        let minutes = count / 60
        let hours = Int(exactly: (max(0, seconds) / 3600).rounded()) ?? .max
        switch true {
        case count < 1: return "Less than a second"
        case count == 1: return "1 second"
        case count < 60: return "\(count) seconds"
        case minutes == 1: return "About a minute"
        case minutes < 60: return "\(minutes) minutes"
        case hours == 1: return "About an hour"
        case hours < 48: return "\(hours) hours"
        case hours < 24 * 7 * 2: return "\(hours / 24) days"
        case hours < 24 * 30 * 2: return "\(hours / 24 / 7) weeks"
        case hours < 24 * 365 * 2: return "\(hours / 24 / 30) months"
        default: return "\(hours / 24 / 365) years"
        }
    }
}
