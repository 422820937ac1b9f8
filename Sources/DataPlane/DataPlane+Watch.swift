import LinuxSystem
import Logging
import Netlink

extension DataPlane {
    /// After the first change the others of the same cause follow: they are looked at together.
    private static let gathering = Duration.milliseconds(50)
    /// While the daemon itself changes much, what is heard waits for a quiet moment, but not longer than this.
    private static let longestGathering = Duration.milliseconds(400)
    /// How often it is looked for changes that the kernel does not tell of.
    private static let glancing = Duration.seconds(3)
    /// Everything is compared this often although nothing was heard.
    private static let interval = Duration.seconds(300)

    /// Listens to changes in the node's namespace and all of ours, compares where something changed, and repairs. What
    /// changes silently is looked at every few seconds; every five minutes, and when messages were lost, everything is.
    /// Returns when its task is cancelled.
    ///
    /// Our own changes are heard too: a comparison that finds nothing is cheap.
    package func run() async throws {
        let listener = try await NetlinkListener.open(in: node)
        let (signals, sink) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let changes = ChangeSet()
        // What happened before the listener was there.
        changes.addAll()
        sink.yield()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in listener.events {
                    changes.add(event)
                    sink.yield()
                }
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.interval)
                    changes.addAll()
                    sink.yield()
                }
            }
            group.addTask {
                for await _ in signals {
                    try await self.gather()
                    await self.repair(changes.take())
                }
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.glancing)
                    try await self.glance()
                }
            }
            _ = try await group.next()
            group.cancelAll()
        }
    }

    private func gather() async throws {
        var waited = Duration.zero
        repeat {
            try await Task.sleep(for: Self.gathering)
            waited += Self.gathering
        } while isBusy && waited < Self.longestGathering
    }

    private func glance() async throws {
        do {
            guard let kept = pace.takeDue(at: .now) else { return await compareEverything() }
            let scopes = try await silentlyChanged().union(kept)
            if !scopes.isEmpty { _ = await resync(reason: "seen in passing", scopes: scopes) }
        } catch let error as SystemError {
            // A namespace may go while it is looked at: the next look is soon.
            log.debug("looking for changes failed", metadata: ["error": "\(error)"])
        }
    }

    private func repair(_ changes: ChangeSet.Changes) async {
        if changes.isEverything {
            // Messages are lost again and again where a container changes more than can be listened to.
            if pace.admitAll(at: .now) { await compareEverything() }
            return
        }
        var scopes: Set<Scope> = []
        if changes.isNodeChanged { scopes.insert(.node) }
        for id in changes.namespaces { if let scope = scopesByID[id] { scopes.insert(scope) } }
        scopes.formIntersection(knownScopes)
        scopes = pace.admit(scopes, at: .now)
        if !scopes.isEmpty { _ = await resync(reason: "change heard", scopes: scopes) }
    }

    private func compareEverything() async {
        let report = await resync(reason: "comparison of everything")
        pace.noteAll(took: report.duration, at: .now)
    }
}
