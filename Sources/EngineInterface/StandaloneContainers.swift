package import Model

/// A container that belongs to no task of the swarm, as its node tells managers of it: that it is there and how it is. Nothing of what it was made
/// with beyond its image's name: no command, no labels, no variables.
package struct StandaloneContainer: Sendable, Equatable {
    package var id: String
    package var name: String
    /// As whoever made it has called it.
    package var image: String
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    package var state: String
    /// `starting`, `healthy`, `unhealthy`; empty without a health check.
    package var health = ""
    /// Of its last end; 0 while it runs.
    package var exitCode = 0
    package var created: Timestamp
    /// `.zero` for never; the same below.
    package var started = Timestamp.zero
    package var finished = Timestamp.zero

    package init(id: String, name: String, image: String, state: String, created: Timestamp) {
        self.created = created
        self.id = id
        self.image = image
        self.name = name
        self.state = state
    }

    /// What `docker ps` calls its state.
    package func status(now: Timestamp) -> String {
        var view = ContainerState()
        view.exitCode = exitCode
        view.finishedAt = finished
        if !health.isEmpty {
            view.health = HealthState()
            view.health?.status = health
        }
        view.startedAt = started
        view.status = state
        return StatusText.of(view, now: now)
    }
}

/// What has become of a node's containers that belong to no task.
package struct StandaloneNews: Sendable, Equatable {
    /// How many of one node are told. Where there are more, those that were there first are.
    package static let most = 1024

    /// Where whoever has taken it goes on.
    package var place: UInt64
    /// All there are, rather than what is other.
    package var isWhole: Bool
    /// As they are now.
    package var present: [StandaloneContainer] = []
    /// Ids of those that are no more.
    package var gone: [String] = []
    /// How many more there are.
    package var leftOut = 0

    package init(place: UInt64, isWhole: Bool) {
        self.isWhole = isWhole
        self.place = place
    }
}

/// Whoever knows a node's containers.
package protocol StandaloneSource: Sendable {
    /// What has changed after a place, as soon as there is anything; all there are for none, and for one that is too long ago.
    /// - Throws: `CancellationError`.
    func standalone(after place: UInt64?) async throws -> StandaloneNews
}
