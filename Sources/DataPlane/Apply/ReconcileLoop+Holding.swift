import Addressing
import Concurrency
import LinuxSystem
import Logging
import Model

/// What the loop keeps in its hands while it is desired: ports of the node as bound sockets, namespaces as open descriptors.
extension ReconcileLoop {
    func holdPorts(
        of desired: NodeNetwork, after last: NodeNetwork, _ outcome: inout ReconcilePass.Outcome
    ) async {
        let owners = Set(desired.sandboxes.map(\.id))
        let prepared = ledger.value.prepared
        for owner in ports.owners
        where owner != Self.meshOwner && !owners.contains(owner) && !prepared.contains(.sandbox(owner)) {
            // Ports that were asked for ahead of their container's desired state stay.
            if last.sandboxes.contains(where: { $0.id == owner }) { ports.release(owner) }
        }
        for error in await holdMesh(of: desired) { outcome.fail(.node, error) }
        let publishing = desired.sandboxes.filter { !$0.published.isEmpty }
        refusals.forget(allBut: Set(publishing.map(\.id) + [Self.meshOwner]))
        let before = Set(last.sandboxes.lazy.filter { !$0.published.isEmpty }.map(\.id))
        for sandbox in desired.sandboxes where sandbox.published.isEmpty && before.contains(sandbox.id) {
            for error in await hold([], owner: sandbox.id) { outcome.fail(.node, error) }
        }
        for sandbox in publishing {
            for error in await hold(sandbox.published, owner: sandbox.id) { outcome.fail(.node, error) }
        }
    }

    func holdMesh(of desired: NodeNetwork) async -> [any Error] {
        let gateways = desired.ingress?.gatewayAddresses.hosts ?? HostAddresses()
        let ports = (desired.ingress?.ports ?? []).flatMap { port -> [HostPort] in
            // At the addresses that it names; what a subnet or a link has is not held, as it may change.
            let reach = port.reach ?? PortReach()
            let places =
                reach.isEverywhere
                ? gateways.all.map { IPAddress.unspecified($0.family) }
                : reach.addresses.filter(\.isSingle).map(\.address)
            return places.compactMap { place in
                gateways[place.family].map { gateway in
                    HostPort(
                        PublishedPort(
                            transport: port.transport, hostAddress: place, hostPort: port.publishedPort,
                            containerPort: port.publishedPort, count: port.publishedPorts.count), to: gateway)
                }
            }
        }
        return await hold(ports, owner: Self.meshOwner, isAhead: true)
    }

    /// Of an owner that is to have no ports any more, what it has or waits for is given back: a try of a moment ago may have come after it had given
    /// up all. One that has had none so far may have asked for some ahead.
    ///
    /// Returns what went wrong.
    func hold(_ list: [HostPort], owner: String, isAhead: Bool = false) async -> [any Error] {
        do {
            note(try await ports.hold(list, owner: owner, isAhead: isAhead), of: owner, isAhead: isAhead)
            return []
        } catch {
            return [error]
        }
    }

    /// Tells of a port once, when somebody has it, and when it is had again.
    private func note(_ refused: [HostPort], of owner: String, isAhead: Bool) {
        let before = refusals.note(refused, of: owner, isAhead: isAhead)
        for port in refused where !before.contains(port) {
            log.warning(
                "a published port is in use on this node",
                metadata: ["port": "\(port.published.hostPort)/\(port.published.transport)"])
        }
        for port in before where !refused.contains(port) {
            log.notice(
                "a published port is in use on this node no more",
                metadata: ["port": "\(port.published.hostPort)/\(port.published.transport)"])
        }
    }

    /// Tries to have what others had the last time: nobody tells of a port that becomes free.
    func tryPortsAgain(_ memory: inout Memory) async {
        let now = ContinuousClock.now
        let open = refusals.open
        if open.isEmpty || memory.portsTried.map({ now - $0 < PortRefusals.pause }) == true { return }
        memory.portsTried = now
        for refused in open {
            do {
                let left = try await ports.holdMore(refused.tried, owner: refused.owner, isAhead: refused.isAhead)
                note(left + refused.rows, of: refused.owner, isAhead: refused.isAhead)
            } catch {
                log.warning("a published port cannot be tried again", metadata: ["error": "\(error)"])
            }
        }
    }

    /// From now on no name that is taken away takes the namespace along.
    func holdNamespaces(
        of derivation: Derivation, after known: [Scope: AppliedNamespace], _ held: inout [Scope: HeldNamespace],
        _ outcome: inout ReconcilePass.Outcome
    ) async {
        held = held.filter { outcome.applied[$0.key] != nil }
        handles.close(allBut: outcome.applied.keys)
        handles.generations.forget(allBut: Set(outcome.applied.keys))
        // One that somebody has opened ahead may be of a namespace that had the same name before.
        for scope in outcome.applied.keys where known[scope] == nil { handles.close(scope) }
        handles.identify(outcome.namespaceIDs)
        let closed = handles.missing(among: outcome.applied.keys).filter { outcome.failures[$0] == nil }
        do {
            try await handles.open(closed.map { ($0, $0 == .node ? node : derivation.namespace(of: $0)) })
        } catch {
            // Until a later pass can open it, what changes there takes the longer way.
            log.warning("a namespace cannot be opened", metadata: ["error": "\(error)"])
        }
        let missing = outcome.applied.keys.filter { held[$0] == nil }.compactMap { scope in
            derivation.namespace(of: scope).map { (scope, $0) }
        }
        if missing.isEmpty { return }
        do {
            let new = try await onThread { try missing.map { ($0.0, try HeldNamespace($0.1)) } }
            for (scope, namespace) in new { held[scope] = namespace }
        } catch {
            // One that could not be made is told of already; the next pass tries again.
            log.debug("a namespace cannot be held", metadata: ["error": "\(error)"])
        }
    }
}
