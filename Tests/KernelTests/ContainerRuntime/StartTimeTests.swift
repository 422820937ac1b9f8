import ContainerRuntime
import Glibc
import LinuxSystem
import Logging
import NIOCore
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct StartTimeTests {
    /// A runtime returns before its own process has become the container's, and runc's ends with code 2 for a signal that comes then.
    @Test func `a container that was started runs its own program, however early its runtime returns`() async throws {
        try await RuntimeFixture.run(.runc) { fixture in
            let runc = try #require(Processes.find("runc"))
            let hasty = fixture.directory + "/hasty"
            let text = """
                #!/bin/sh
                case " $* " in *" start "*) (sleep 0.3; exec \(runc) "$@") >/dev/null 2>&1 & exit 0;; esac
                exec \(runc) "$@"

                """
            try Files.writeAtomically(text, to: hasty, mode: 0o755)
            let runtime = try fixture.other(runtimes: [.runc: hasty])
            let wanted = fixture.specification("hasty", ["sleep", "1000"])
            let pid = try await runtime.create(fixture.request(wanted)).pid
            try await runtime.start(wanted.id)
            #expect(try Files.text("/proc/\(pid)/cmdline") == "sleep\u{0}1000\u{0}")
            try await runtime.kill(wanted.id, signal: SIGTERM, all: false)
            // Until its runtime has taken its FIFO away, which this one does later, it counts as created.
            try await eventually("it runs") { try await runtime.state(wanted.id) != .created(pid: pid) }
            #expect(try await runtime.state(wanted.id) == .running(pid: pid))
            try await runtime.delete(wanted.id)
        }
    }

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
