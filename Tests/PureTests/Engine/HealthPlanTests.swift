import EngineInterface
import Faults
import Model
import TestKit
import Testing

@testable import Engine

@Suite struct HealthPlanTests {
    private func check(_ test: [String], _ change: (inout HealthConfiguration) -> Void = { _ in })
        -> HealthConfiguration
    {
        var check = HealthConfiguration()
        check.test = test
        change(&check)
        return check
    }

    private func makePlan(_ check: HealthConfiguration?) -> HealthPlan? {
        var configuration = ContainerConfiguration()
        configuration.healthcheck = check
        return HealthPlan(configuration)
    }

    private func result(_ code: Int) -> HealthState.HealthResult {
        var result = HealthState.HealthResult()
        result.exitCode = code
        return result
    }

    @Test func `a check has Docker's defaults, and none without a test`() throws {
        let plan = try #require(makePlan(check(["CMD-SHELL", "exit 0"])))
        #expect(plan.command == ["/bin/sh", "-c", "exit 0"])
        #expect(plan.interval == .seconds(30) && plan.timeout == .seconds(30) && plan.retries == 3)
        #expect(plan.startPeriod == .zero && plan.startInterval == .seconds(5))
        for none in [nil, check([]), check(["NONE"]), check(["CMD"])] { #expect(makePlan(none) == nil) }
    }

    @Test func `what is requested is laid over the image's check field by field, and NONE turns it off`() throws {
        let image = check(["CMD", "old"]) {
            $0.interval = 7
            $0.retries = 9
        }
        let merged = try #require(HealthPlan.merge(check([]) { $0.interval = 5 }, over: image))
        #expect(merged.test == ["CMD", "old"] && merged.interval == 5 && merged.retries == 9)
        #expect(HealthPlan.merge(nil, over: image) == image)
        #expect(makePlan(HealthPlan.merge(check(["NONE"]), over: image)) == nil)
    }

    @Test func `so many failures in a row make a container unhealthy, and one success heals it`() throws {
        let plan = try #require(makePlan(check(["CMD", "x"]) { $0.retries = 2 }))
        var health = HealthPlan.begin(nil)
        #expect(health.status == "starting")
        plan.take(result(1), age: .seconds(1), into: &health)
        #expect(health.status == "starting" && health.failingStreak == 1)
        plan.take(result(0), age: .seconds(2), into: &health)
        #expect(health.status == "healthy" && health.failingStreak == 0)
        for _ in 0..<2 { plan.take(result(HealthPlan.noExitCode), age: .seconds(3), into: &health) }
        #expect(health.status == "unhealthy" && health.failingStreak == 2)
        for _ in 0..<9 { plan.take(result(0), age: .seconds(4), into: &health) }
        #expect(health.status == "healthy" && health.log.count == HealthPlan.resultCapacity)
    }

    @Test func `failures within the start period do not count until the first success`() throws {
        let plan = try #require(
            makePlan(
                check(["CMD", "x"]) {
                    $0.retries = 1
                    $0.startPeriod = 10_000_000_000
                    $0.startInterval = 1_000_000_000
                }))
        var health = HealthPlan.begin(nil)
        plan.take(result(1), age: .seconds(9), into: &health)
        #expect(health.status == "starting" && health.failingStreak == 0)
        #expect(plan.pause(health, since: .seconds(9)) == .seconds(1))
        #expect(plan.pause(health, since: .seconds(11)) == .seconds(30))
        plan.take(result(0), age: .seconds(9), into: &health)
        #expect(plan.pause(health, since: .seconds(9)) == .seconds(30))
        plan.take(result(1), age: .seconds(9), into: &health)
        #expect(health.status == "unhealthy")
    }

    @Test func `what cannot be is refused in Docker's words`() {
        #expect(throws: APIError(.invalidInput, "Interval in Healthcheck cannot be less than 1ms")) {
            try told {
                try HealthPlan.check(check(["CMD", "x"]) { $0.interval = 1000 })
            }
        }
        #expect(throws: APIError(.invalidInput, "Retries in Healthcheck cannot be negative")) {
            try told {
                try HealthPlan.check(check(["CMD", "x"]) { $0.retries = -1 })
            }
        }
    }

    @Test func `a test of a kind that nobody knows is taken, and is no health check`() throws {
        try HealthPlan.check(check(["true"]))
        #expect(makePlan(check(["true"])) == nil)
        #expect(HealthPlan.unknownKind(check(["true"])) == "true")
        #expect(throws: ContainerOptionError.negativeHealthRetries) {
            try HealthPlan.check(check(["true"]) { $0.retries = -1 })
        }
        for known in [[], [""], ["NONE"], ["CMD", "x"], ["CMD-SHELL", "x"]] {
            #expect(HealthPlan.unknownKind(check(known)) == nil)
        }
        #expect(HealthPlan.unknownKind(nil) == nil)
    }

    @Test func `a status shows the health of a container that runs`() {
        var state = ContainerState()
        state.status = "running"
        state.startedAt = Timestamp(seconds: 100)
        state.health = HealthPlan.begin(nil)
        #expect(StatusText.of(state, now: Timestamp(seconds: 104)) == "Up 4 seconds (health: starting)")
        state.health?.status = HealthPlan.unhealthy
        #expect(StatusText.of(state, now: Timestamp(seconds: 104)) == "Up 4 seconds (unhealthy)")
    }
}
