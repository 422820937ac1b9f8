import Logging

/// Work that outlives the request that began it, as children of the engine's own run.
final class BackgroundTasks: Sendable {
    typealias Job = @Sendable () async -> Void

    private let jobs: AsyncStream<Job>
    private let inbox: AsyncStream<Job>.Continuation

    init() { (jobs, inbox) = AsyncStream.makeStream(of: Job.self) }

    /// Begins a job as soon as ``run()`` runs; jobs of before wait for it.
    func begin(_ job: @escaping Job) { inbox.yield(job) }

    /// Runs the jobs until cancelled, and then until each of them has ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs { group.addTask { await job() } }
            group.cancelAll()
        }
    }
}
