import Model
import TestKit
import Testing

@testable import Engine

/// Containers that need another are started after it.
@Suite(.timeLimit(.minutes(2))) struct NeededContainerLifeTests {
    enum Need: CaseIterable { case network, processes, link }

    private static func makeBoth(_ fixture: LifeFixture, _ need: Need) async throws {
        for id in ["sharer", "owner"] {
            try await fixture.make(id) { record in
                record.hostConfig.restartPolicy.name = "always"
                guard id == "sharer" else { return }
                switch need {
                case .network: record.hostConfig.networkMode = "container:owner"
                case .processes: record.hostConfig.pidMode = "container:owner"
                case .link: record.links = [ContainerRecord.Link(containerID: "owner", alias: "o")]
                }
            }
        }
        for id in ["owner", "sharer"] { try await fixture.service.startContainer(id) }
    }

    private func isUp(_ fixture: LifeFixture, _ id: String) -> Bool { fixture.phase(id)?.isUp == true }

    private func bothComeUp(_ fixture: LifeFixture) async throws {
        try await eventually(within: .seconds(20), "both run") {
            if isUp(fixture, "owner"), isUp(fixture, "sharer") { return true }
            fixture.clock.advance(by: .milliseconds(100))
            return false
        }
    }

    @Test(arguments: Need.allCases)
    func `one whose policy starts it again first waits for what it needs`(need: Need) async throws {
        try await LifeFixture.run { fixture in
            try await Self.makeBoth(fixture, need)
            fixture.runtime.end("owner", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            fixture.clock.advance(by: .milliseconds(100))
            try await eventually { isUp(fixture, "owner") }
            // Its second wait is longer than the first of the other.
            fixture.runtime.end("owner", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            fixture.runtime.end("sharer", code: 1)
            try await eventually { fixture.clock.sleepers == 2 }
            fixture.clock.advance(by: .milliseconds(100))
            try await eventually("the sharer looks again") { fixture.clock.sleepers == 2 }
            #expect(!isUp(fixture, "owner") && fixture.phase("sharer")?.isRestarting == true)
            try await bothComeUp(fixture)
        }
    }

    @Test func `one that is no longer to run waits no more`() async throws {
        try await LifeFixture.run { fixture in
            try await Self.makeBoth(fixture, .network)
            fixture.runtime.end("owner", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            fixture.runtime.end("sharer", code: 1)
            try await eventually { fixture.clock.sleepers == 2 }
            try await fixture.service.stopContainer("sharer", signal: nil, timeout: 1)
            try await eventually(within: .seconds(20), "the owner runs") {
                if isUp(fixture, "owner"), fixture.clock.sleepers == 0 { return true }
                fixture.clock.advance(by: .milliseconds(100))
                return false
            }
            #expect(!isUp(fixture, "sharer"))
        }
    }

    /// What an earlier daemon has left comes up with the owner first.
    private func comesInOrder(after earlier: LifeFixture) async throws {
        let begun = earlier.runtime.calls.count
        // Else the owner would now and then be up before the sharer is looked at.
        earlier.runtime.holdCreation()
        try await LifeFixture.run(after: earlier) { fixture in
            defer { fixture.runtime.releaseCreation() }
            try await eventually("the sharer waits") { fixture.clock.sleepers == 1 }
            fixture.runtime.releaseCreation()
            try await bothComeUp(fixture)
            let starts = fixture.runtime.calls.dropFirst(begun).filter { $0.hasPrefix("start ") }
            #expect(starts == ["start owner", "start sharer"])
        }
    }

    @Test(arguments: Need.allCases)
    func `after the machine went down what is needed comes first`(need: Need) async throws {
        let first = try await LifeFixture.run { fixture in try await Self.makeBoth(fixture, need) }
        for id in ["owner", "sharer"] { first.runtime.vanish(id) }
        try await comesInOrder(after: first)
    }

    @Test func `what was stopped by hand, and starts with the daemon all the same, comes in that order as well`()
        async throws
    {
        let first = try await LifeFixture.run { fixture in
            try await Self.makeBoth(fixture, .network)
            for id in ["sharer", "owner"] {
                try await fixture.service.stopContainer(id, signal: nil, timeout: 1)
            }
        }
        try await comesInOrder(after: first)
    }

    @Test func `nobody waits for one that is not started again`() async throws {
        try await LifeFixture.run { fixture in
            try await Self.makeBoth(fixture, .network)
            // Its next start fails, and nothing follows that.
            fixture.runtime.end("owner", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            fixture.runtime.fail("create")
            fixture.clock.advance(by: .milliseconds(100))
            try await eventually { fixture.phase("owner")?.exit?.cause == .startFailed }
            fixture.runtime.end("sharer", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            fixture.clock.advance(by: .milliseconds(100))
            try await eventually("the sharer runs without a look") { isUp(fixture, "sharer") }
        }
    }
}
