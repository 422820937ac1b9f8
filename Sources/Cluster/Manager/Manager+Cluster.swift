import EngineInterface
import Faults
package import Model
import Orchestration
import StateStore

extension Manager {
    /// With the tokens for joining, and without what only managers need to know.
    /// - Throws: ``ClusterError`` `.managerUnreachable` until this manager has read the store.
    package func inspectSwarm() throws -> ClusterObject {
        guard var cluster = model.objects.cluster else {
            throw ClusterError(.managerUnreachable, "the swarm's state is not known yet")
        }
        cluster.revoked = nil
        cluster.sealing = nil
        cluster.overlayKeys = nil
        cluster.spec.raft = RaftRules.shown(cluster.spec.raft)
        return cluster
    }

    /// Changes what `spec` names of the swarm's specification; tokens that are to change become new ones.
    /// - Parameters:
    ///   - version: The one that `spec` was made from; another one since is refused.
    ///   - rootPEM: What new tokens have the digest of.
    package func updateSwarm(
        version: UInt64, _ spec: ClusterSpec, rotateWorkerToken: Bool, rotateManagerToken: Bool, rootPEM: String
    ) async throws {
        let present = try inspectSwarm()
        try Self.check(spec, replacing: present.spec, in: model.objects)
        try await updateCluster(present.id, version: version) { cluster in
            cluster.spec = Self.merged(spec, over: cluster.spec)
            if rotateWorkerToken { cluster.joinTokens?.worker = JoinToken(rootPEM: rootPEM).description }
            if rotateManagerToken { cluster.joinTokens?.manager = JoinToken(rootPEM: rootPEM).description }
        }
    }

    /// - Parameter state: Empty for a swarm that is to be made.
    /// - Throws: ``SwarmSpecError`` and ``ServiceError`` for what is wrong, ``UnsupportedError`` for what is not done yet.
    static func check(
        _ spec: ClusterSpec, replacing present: ClusterSpec?, in state: SwarmState = SwarmState()
    ) throws {
        guard ["", "default"].contains(spec.name) else {
            throw SwarmSpecError.notDefault
        }
        if spec.encryptionConfig?.autoLockManagers == true {
            throw UnsupportedError.feature("locking managers (--autolock)")
        }
        try RaftRules.check(spec.raft)
        if !(spec.caConfig?.externalCAs ?? []).isEmpty {
            throw UnsupportedError.features("external certificate authorities")
        }
        let isRotation =
            spec.caConfig?.signingCACert ?? "" != "" || spec.caConfig?.signingCAKey ?? "" != ""
            || spec.caConfig?.forceRotate ?? 0 != present?.caConfig?.forceRotate ?? 0
        if isRotation {
            throw UnsupportedError.feature("rotating the swarm's root certificate")
        }
        if let expiry = spec.caConfig?.nodeCertExpiry, expiry != 0, expiry < 3600 * 1_000_000_000 {
            throw SwarmSpecError.shortCertificateLife
        }
        if let period = spec.dispatcher?.heartbeatPeriod, period < 0 {
            throw SwarmSpecError.negativeHeartbeat
        }
        // Clients send back what they do not change, and which addresses there are has changed since, perhaps.
        if let label = spec.labels[PublishingLabel.all], label != present?.labels[PublishingLabel.all] {
            try PublishingRules.check(swarmLabel: label, in: state)
        }
    }

    /// The specification that a request leads to: what it does not name, or names as nothing, stays as it is. Source: Docker's
    /// `MergeSwarmSpecToGRPC`. Defaults of tasks are one value, as a log driver could not be taken back otherwise.
    static func merged(_ spec: ClusterSpec, over present: ClusterSpec) -> ClusterSpec {
        var merged = completed(present)
        if !spec.labels.isEmpty { merged.labels = spec.labels }
        if let limit = spec.orchestration?.taskHistoryRetentionLimit {
            merged.orchestration?.taskHistoryRetentionLimit = limit
        }
        if let period = spec.dispatcher?.heartbeatPeriod, period != 0 { merged.dispatcher?.heartbeatPeriod = period }
        if let expiry = spec.caConfig?.nodeCertExpiry, expiry != 0 { merged.caConfig?.nodeCertExpiry = expiry }
        merged.raft = RaftRules.merged(spec.raft, over: merged.raft)
        if let defaults = spec.taskDefaults { merged.taskDefaults = defaults }
        return merged
    }

    /// What Docker shows of a new swarm.
    static func completed(_ spec: ClusterSpec?) -> ClusterSpec {
        var spec = spec ?? ClusterSpec()
        spec.name = "default"
        var orchestration = spec.orchestration ?? .init()
        orchestration.taskHistoryRetentionLimit = orchestration.taskHistoryRetentionLimit ?? 5
        spec.orchestration = orchestration
        var dispatcher = spec.dispatcher ?? .init()
        if dispatcher.heartbeatPeriod ?? 0 == 0 { dispatcher.heartbeatPeriod = 5_000_000_000 }
        spec.dispatcher = dispatcher
        var authority = spec.caConfig ?? .init()
        if authority.nodeCertExpiry ?? 0 == 0 { authority.nodeCertExpiry = 90 * 86_400 * 1_000_000_000 }
        spec.caConfig = authority
        spec.taskDefaults = spec.taskDefaults ?? .init()
        spec.encryptionConfig = spec.encryptionConfig ?? .init()
        return spec
    }
}
