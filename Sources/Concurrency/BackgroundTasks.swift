import Synchronization

/// Work that outlives the request that began it, as children of the task that runs a part of the daemon.
///
/// Its owner runs ``run()`` as long as it lives itself, and has let all jobs end when that returns. What a job throws is its own to handle.
package final class BackgroundTasks: Sendable {
    package typealias Job = @Sendable () async -> Void

    private let jobs: AsyncStream<Job>
    private let inbox: AsyncStream<Job>.Continuation

    package init() { (jobs, inbox) = AsyncStream.makeStream(of: Job.self) }

    /// Begins a job as soon as ``run()`` runs; jobs of before wait for it, and what comes after its end is not begun any more. Must not be
    /// called under a lock.
    package func begin(_ job: @escaping Job) { inbox.yield(job) }

    /// Runs the jobs beside one another until cancelled, and then, cancelled, until each of them has ended. Once only.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs { group.addTask { await job() } }
            group.cancelAll()
        }
    }
}

/// Tasks that live no longer than the object that owns them: cancelled when it goes, and not waited for.
///
/// For objects that others merely hold, so that there is no scope to run a group in: the bridge from a stream to a follower, a question that an
/// event loop asks. A job that holds its owner keeps it until it has ended by itself. Where there is a scope, a task group is better; where
/// the work has to be done though its owner goes, ``BackgroundTasks``.
package final class OwnedTasks: Sendable {
    private struct State {
        var tasks: [Ticket: Task<Void, Never>] = [:]
        /// Those that had ended before they were noted.
        var ended: Set<Ticket> = []
        var isOver = false
    }

    private let state = Mutex(State())

    package init() {}

    deinit { cancel() }

    /// Begins a job at once; after ``cancel()`` it is cancelled from its beginning. Must not be called under a lock.
    package func begin(_ job: @escaping @Sendable () async -> Void) {
        let ticket = Ticket()
        let task = Task { [weak self] in  // Its owner cancels it; that is what this type is for.
            await job()
            self?.forget(ticket)
        }
        let isOver = state.withLock { state in
            if state.ended.remove(ticket) == nil { state.tasks[ticket] = task }
            return state.isOver
        }
        if isOver { task.cancel() }
    }

    /// Cancels all, and whatever is begun later.
    package func cancel() {
        let tasks = state.withLock { state in
            state.isOver = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    /// How many have not ended.
    package var count: Int { state.withLock { $0.tasks.count } }

    private func forget(_ ticket: Ticket) {
        state.withLock { state in
            if state.tasks.removeValue(forKey: ticket) == nil { state.ended.insert(ticket) }
        }
    }
}
