import Concurrency
import DataPlane
import Logging
import Model
import Synchronization

/// What a daemon that has been restarted takes over of its containers' networks.
extension NetworkCoordinator {
    /// After a restart: the namespaces are there, the sockets in them are not.
    func adopt() async throws {
        try await order.run("refresh") {
            let joined = containers.members.filter { $0.processID > 0 && !$0.isOnHostNetwork && $0.networkOwner == nil }
            for record in joined {
                do { try await dataPlane.recover(record.id, process: Int32(clamping: record.processID)) } catch {
                    log.error(
                        "a container's namespace has no name and cannot be given one",
                        metadata: ["container": "\(record.shortID)", "error": "\(error)"])
                }
            }
            // Names are known before anybody is answered.
            var plan = plan()
            await refreshNames(plan)
            let asking = joined.filter { NameTableComposer.hasResolver($0) }
            let unopened = await openResolvers(asking)
            state.withLock { $0.pending.isWhole = true }
            plan = self.plan()
            guard case .whole(let network) = plan.desired else { return }
            do { report(try await dataPlane.adopt(network)) } catch {
                makeWhole(plan)
                throw error
            }
            wantEncryption()
            // What has changed since they were told.
            await refreshNames(plan)
            publishPaths(plan)
            adopted.succeed(())
            if unopened.isEmpty { return }
            // What was not complete is so now.
            for (record, error) in await openResolvers(unopened.map(\.0)) {
                log.error(
                    "cannot open a container's resolver",
                    metadata: ["container": "\(record.shortID)", "error": "\(error)"])
            }
            _ = try await carryOut(self.plan())
        }
    }
}
