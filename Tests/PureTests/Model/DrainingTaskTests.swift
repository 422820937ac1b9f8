import Model
import Testing

/// What `apus_service_draining_tasks` counts.
struct DrainingTaskTests {
    private func isDraining(_ state: TaskState, _ desired: TaskState) -> Bool {
        var task = SwarmTask(id: "t1")
        task.status = TaskStatus(state, "", at: Timestamp(seconds: 1))
        task.desiredState = desired
        return task.isDraining
    }

    @Test func `a task drains while it runs and is to stop`() {
        #expect(isDraining(.running, .shutdown) && isDraining(.running, .remove))
        // A job is to complete, and runs until then.
        #expect(!isDraining(.running, .running) && !isDraining(.running, .complete))
        #expect(!isDraining(.starting, .shutdown))
        #expect(!isDraining(.shutdown, .shutdown) && !isDraining(.failed, .shutdown))
    }
}
