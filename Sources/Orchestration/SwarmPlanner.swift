import Model

/// All planning of a swarm in one pass: from what is to what is to be, one step further.
///
/// It holds no clock and does no input or output; only the places of the address allocators carry over between passes.
package struct SwarmPlanner: Sendable {
    private var addresses = AddressPlanner()
    private let makeID: @Sendable () -> String

    package init(makeID: @escaping @Sendable () -> String) { self.makeID = makeID }

    /// Changes `draft` towards what the services ask for.
    package mutating func plan(_ draft: inout SwarmDraft) {
        ServiceOrchestrator(makeID: makeID).run(&draft)
        addresses.run(&draft)
        Scheduler().run(&draft)
        AttachmentReaper().run(&draft)
        TaskReaper().run(&draft)
    }
}
