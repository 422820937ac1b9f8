import ContainerRuntime
import Glibc
import LinuxSystem
import Logging
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct StartTimeTests {
    @Test func `creating, starting and deleting stays within a second even on a busy machine`() async throws {
        try await RuntimeFixture.run { fixture in
            let clock = ContinuousClock()
            var times: [Duration] = []
            for round in 0..<10 {
                let wanted = fixture.specification("time\(round)", ["true"])
                let begin = clock.now
                _ = try await fixture.runtime.create(fixture.request(wanted))
                let created = clock.now
                try await fixture.runtime.start(wanted.id)
                let started = clock.now
                _ = try await fixture.runtime.waitForExit(wanted.id)
                let exited = clock.now
                try await fixture.runtime.delete(wanted.id)
                times.append(begin.duration(to: started))
                print(
                    "create \(begin.duration(to: created)) start \(created.duration(to: started)) exit",
                    "\(started.duration(to: exited)) delete \(exited.duration(to: clock.now))")
            }
            let median = times.sorted()[times.count / 2]
            #expect(median < .seconds(1))
        }
    }
}
