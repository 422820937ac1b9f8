import Logging
import Model
import Orchestration

/// Whom the manager has not heard for too long.
extension Dispatcher {
    /// Descriptions whose time has come.
    private func writeWaiting() async {
        for nodeID in waitingNodes {
            guard let session = sessions[nodeID], session.waiting != nil else {
                waitingNodes.remove(nodeID)
                continue
            }
            do { try await write(nodeID, session: session.id) } catch {
                log.debug(
                    "a node's description is not written yet", metadata: ["node": "\(nodeID)", "error": "\(error)"])
            }
        }
    }

    /// Ends sessions that have been silent for too long. Each is looked at when that may be so.
    private func finishSilent(at now: ContinuousClock.Instant) {
        let grace = grace
        for nodeID in sessionLooks.takeDue(at: now) {
            guard let session = sessions[nodeID] else { continue }
            let left = grace - failures.monitor.silence(since: session.lastHeard, now: now)
            if left < .zero { finish(session) }
            // Somebody may ask for shorter periods meanwhile.
            sessionLooks.set(now + min(max(left, .zero), Self.longestSessionLook), for: nodeID)
        }
    }

    func tick() async {
        let now = clock.now
        failures.monitor.tick(at: now, every: Self.tickInterval, leader: live.state.leader)
        finishSilent(at: now)
        guard !model.isStale else {
            // Others may have a quorum; nodes that find none come back here.
            let since = staleSince ?? now
            staleSince = since
            if now - since > Self.staleLimit { for session in sessions.values { finish(session) } }
            return
        }
        if staleSince != nil {
            // Cut off from the others it may have been cut off from its nodes, too, and has let them go in any case.
            failures.monitor.listening = now
            staleSince = nil
        }
        await writeWaiting()
        for id in silentNodes(at: now) { await declareDown(id) }
    }

    /// The nodes that are to be declared down now.
    private func silentNodes(at now: ContinuousClock.Instant) -> [String] {
        let look = model.look(after: silenceLook)
        silenceLook = look
        let verdict = failures.decide(
            FailureDetector.Moment(
                now: now, state: look.state, changed: look.changes.nodes, live: live.state, grace: grace
            ) { [sessions, lastHeard] id in sessions[id]?.lastHeard ?? lastHeard[id] })
        if let mass = verdict.begins {
            log.error(
                "many nodes are silent at once: they are declared down one at a time",
                metadata: ["silent": "\(mass.silent)", "of": "\(mass.nodes)"])
            publish(
                EngineEvent(
                    type: "node", action: "silence", actorID: ownID,
                    attributes: ["silent": "\(mass.silent)", "nodes": "\(mass.nodes)"], scope: "swarm"))
        }
        return verdict.down
    }

    private func declareDown(_ nodeID: String) async {
        let session = model.objects.nodes[nodeID]?.membership?.session
        do {
            _ = try await writer.update(Node.self, nodeID) { node in
                guard node.status.state != .down, node.membership?.session == session else { return false }
                node.status.state = .down
                node.status.message = "heartbeat failure"
                return true
            }
            log.warning("node is down", metadata: ["node": "\(nodeID)"])
        } catch {
            log.error("cannot declare a node down", metadata: ["node": "\(nodeID)", "error": "\(error)"])
        }
    }
}
