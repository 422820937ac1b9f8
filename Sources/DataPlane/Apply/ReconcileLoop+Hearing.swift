import Concurrency
import LinuxSystem
import Netlink

extension ReconcileLoop {
    /// Those namespaces in which all that was heard is as it is known to be. It costs what was heard, however much else there is in them.
    func unconcerned(by news: [Scope: Set<NetlinkNews>], _ memory: Memory) async -> Set<Scope> {
        guard memory.unforgotten.isEmpty, memory.filtersBridges == filtersBridges else { return [] }
        let applied = ledger.value.applied
        let underlay: Underlay? = if case .node(let base, _, _)? = applied[.node]?.input { base.underlay } else { nil }
        let checks = news.compactMap { scope, told -> (scope: Scope, told: Set<NetlinkNews>, check: NewsCheck)? in
            guard let known = applied[scope], known.isCertain, known.isSearched || !scope.translates,
                let handle = handles[scope]
            else { return nil }
            let check = NewsCheck(
                scope: scope, wanted: known.state.kernel, leftAlone: known.state.leftAlone, handle: handle,
                generation: handles.generations[scope], underlay: scope == .node ? underlay : nil)
            return (scope, told, check)
        }
        if checks.isEmpty { return [] }
        do {
            return try await handles.worker.run {
                // What cannot be looked at is compared, which tells why.
                Set(checks.filter { (try? $0.check.bearsOut($0.told)) == true }.map(\.scope))
            }
        } catch {
            return []
        }
    }
}
