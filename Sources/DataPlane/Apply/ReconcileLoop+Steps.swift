import Addressing
import Concurrency
import LinuxSystem
import Logging
import Model

/// Batches that change sandboxes and what is within parts, at what these cost.
extension ReconcileLoop {
    /// What the steps of a batch have done, and have left to take away.
    struct Progress: Sendable {
        let start = ContinuousClock.now
        var changes = 0
        var derived = 0
        var touched: Set<Scope> = []
        var failures: [Scope: [any Error]] = [:]
        var passes: [FinePass] = []
        var exchanges: [(plan: SandboxPlan, pass: ReconcilePass, outcome: ReconcilePass.Outcome)] = []

        mutating func take(_ outcome: FinePass.Outcome) {
            changes += outcome.changes
            touched.formUnion(outcome.touched)
            failures.merge(outcome.failures) { $0 + $1 }
        }

        mutating func take(_ outcome: ReconcilePass.Outcome) {
            changes += outcome.changes
            touched.formUnion(outcome.touched)
            failures.merge(outcome.failures) { $0 + $1 }
        }

        func added(to report: ApplyReport) -> ApplyReport {
            var report = report
            report.changes += changes
            report.derived += derived
            report.scopes.formUnion(touched)
            report.duration = .now - start
            return report
        }
    }

    /// Carries out a batch step by step, at what the steps cost: sandboxes that come or change, what changes within parts, sandboxes that go. From the
    /// first that does not fit on, what is left is carried out as a whole; false when that is everything.
    func refine(_ batch: Mailbox.Batch, _ memory: inout Memory) async -> Bool {
        guard batch.whole == nil, !batch.adopts, memory.unforgotten.isEmpty, var steps = batch.changes.steps else {
            return false
        }
        var progress = Progress()
        var isFirst = true
        while let step = steps.first, progress.failures.isEmpty {
            let fits =
                switch step {
                case .sandboxes(let sandboxes): await exchange(sandboxes, &progress, &memory)
                case .details(let details): await change(details, &progress, &memory)
                }
            if !fits, isFirst { return false }
            if !fits { break }
            isFirst = false
            steps = Array(steps.dropFirst())
        }
        if !steps.isEmpty {
            await finish(&progress, memory)
            await carryOut(batch, NetworkChanges(steps), after: progress, &memory)
            return true
        }
        var repaired = ApplyReport()
        // What is not as it is known to be is compared and put right, before anybody is told.
        if !progress.failures.isEmpty {
            log.warning("elements are not as they were", metadata: ["failures": "\(progress.failures)"])
            await finish(&progress, memory)
            var (repair, outcome) = await begin(
                towards: memory.network, examining: Set(progress.failures.keys), removingStrays: false, &memory)
            await finish(repair, &outcome)
            for (scope, errors) in outcome.failures { logFailure(scope, errors) }
            repaired = ApplyReport(outcome)
        }
        mailbox.complete(batch.sequence, progress.added(to: repaired), withRemoval: false)
        progress.failures = [:]
        await finish(&progress, memory)
        for (scope, errors) in progress.failures { logFailure(scope, errors) }
        repaired.failures.merge(progress.failures) { $0 + $1 }
        mailbox.complete(batch.sequence, progress.added(to: repaired), withRemoval: true)
        mailbox.times.note(.part, since: progress.start)
        return true
    }

    /// Carries out changes that reach no further than rows and elements; false when they do.
    private func change(_ details: [NetworkDetail], _ progress: inout Progress, _ memory: inout Memory) async -> Bool {
        guard let plan = plan(details, in: &memory.network, claims: memory.claims) else { return false }
        for (overlay, addresses) in plan.coming {
            let scopes: [Scope] = [.ingress] + (plan.members[overlay] ?? []).map { .sandbox($0) }
            let inherited = memory.forgetting.waiting(for: addresses.map { .answered($0) }, in: scopes)
            if !inherited.isEmpty { await forget(&memory, atOnce: inherited) }
        }
        let pass = FinePass(plan: plan, handles: handles)
        var outcome = FinePass.Outcome()
        await outcome.add(of: pass.run)
        let network = memory.network
        ledger.change { [outcome] ledger in
            ledger.take(plan, network)
            for scope in outcome.failures.keys { ledger.applied[scope]?.isCertain = false }
        }
        memory.forgetting.add(plan.ends)
        await forget(&memory)
        if plan.changesPorts {
            for error in await holdMesh(of: memory.network) { outcome.failures[.node, default: []].append(error) }
        }
        progress.take(outcome)
        progress.passes.append(pass)
        return true
    }

    /// Takes away what nothing leads to any more.
    private func finish(_ progress: inout Progress, _ memory: Memory) async {
        for pass in progress.passes {
            var removal = FinePass.Outcome()
            await removal.add(of: pass.remove)
            progress.take(removal)
            if removal.failures.isEmpty { continue }
            ledger.change { [removal] ledger in
                for scope in removal.failures.keys { ledger.applied[scope]?.isCertain = false }
            }
        }
        progress.passes = []
        for exchange in progress.exchanges {
            var outcome = exchange.outcome
            (outcome.changes, outcome.failures) = (0, [:])
            await exchange.pass.remove(&outcome)
            ledger.change { [outcome] ledger in
                ledger.take(exchange.plan, outcome)
                ledger.leaving = []
            }
            progress.take(outcome)
        }
        progress.exchanges = []
    }

    /// In a function of its own, so that nothing else holds what is known while it is changed in place.
    private func plan(
        _ details: [NetworkDetail], in network: inout NodeNetwork, claims: Claims
    ) -> FinePlan? {
        let applied = ledger.value.applied
        return FinePlan(details, in: &network, claims: claims, applied: applied) {
            applied[$0]?.isCertain == true && handles[$0] != nil
        }
    }
}
