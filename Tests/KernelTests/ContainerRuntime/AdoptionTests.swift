import ContainerRuntime
import Glibc
import LinuxSystem
import Logging
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct AdoptionTests {
    @Test func `a new daemon finds a running container, its output and its exit`() async throws {
        try await RuntimeFixture.run { fixture in
            var wanted = fixture.shell("adopt", "while read line; do echo got $line; done; exit 9")
            wanted.openInput = true
            let created = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)

            let next = try fixture.restarted()
            #expect(try await next.containers() == [wanted.id])
            let viewer = next.attach(wanted.id)
            #expect(try await next.adopt(wanted.id) == .running(pid: created.pid))
            try await viewer.write(ByteBuffer(string: "hello\n"))
            #expect(try await RuntimeFixture.read(viewer, until: "\n") == "got hello\n")
            try await next.kill(wanted.id, signal: SIGKILL, all: true)
            #expect(try await next.waitForExit(wanted.id).code == 137)
            #expect(try await RuntimeFixture.collect(viewer).output == "")
        }
    }

    @Test func `a new daemon finds the exit of a container that ended without it`() async throws {
        try await RuntimeFixture.run { fixture in
            let wanted = fixture.shell("ended", "exit 5")
            _ = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            _ = try await fixture.runtime.waitForExit(wanted.id)
            guard case .exited(let exit) = try await fixture.restarted().adopt(wanted.id) else { throw Surprise() }
            #expect(exit.code == 5)
        }
    }

    @Test func `a container whose conmon is killed is stopped and told to have lost it`() async throws {
        try await RuntimeFixture.run { fixture in
            let wanted = fixture.specification("lost", ["sleep", "1000"])
            let created = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            let text = try #require(try Files.text(fixture.runtime.paths.bundle(wanted.id) + "/conmon.pid"))
            let conmon = try #require(pid_t(text))
            kill(conmon, SIGKILL)
            let exit = try await fixture.runtime.waitForExit(wanted.id)
            #expect(exit.code == 137)
            #expect(exit.monitorWasLost)
            #expect(!Processes.isRunning(created.pid, startTime: nil))
            #expect(try await fixture.runtime.waitForExit(wanted.id) == exit)
        }
    }

    @Test func `what is half made or not wanted is swept, the rest stays`() async throws {
        try await RuntimeFixture.run { fixture in
            for name in ["keep", "drop", "half"] {
                _ = try await fixture.runtime.create(fixture.request(fixture.specification(name, ["sleep", "1000"])))
            }
            let (keep, drop, half) = (fixture.id("keep"), fixture.id("drop"), fixture.id("half"))
            try Files.remove(fixture.runtime.paths.bundle(half) + "/record.json")
            let next = try fixture.restarted()
            #expect(try await next.sweep(keeping: [keep, half]) == [drop, half].sorted())
            #expect(try await next.containers() == [keep])
            guard case .created = try await next.adopt(keep) else { throw Surprise() }
            try await next.start(keep)
            guard case .running = try await next.state(keep) else { throw Surprise() }
        }
    }

    @Test func `a process whose record cannot be read is swept, and the others stay`() async throws {
        try await RuntimeFixture.run { fixture in
            for name in ["keep", "newer", "damaged"] {
                _ = try await fixture.runtime.create(fixture.request(fixture.specification(name, ["sleep", "1000"])))
            }
            let (keep, newer, damaged) = (fixture.id("keep"), fixture.id("newer"), fixture.id("damaged"))
            func record(_ id: String) -> String { fixture.runtime.paths.bundle(id) + "/record.json" }
            // As it was before it was a record.
            let kept = try #require(try Files.text(record(keep)))
            let bare = kept.dropFirst(#"{"kind":"runtime-process","value":"#.count).dropLast(#","version":1}"#.count)
            try Files.writeAtomically(String(bare), to: record(keep))
            try Files.writeAtomically(#"{"kind":"runtime-process","value":{},"version":99}"#, to: record(newer))
            try Files.writeAtomically("{", to: record(damaged))
            let next = try fixture.restarted()
            guard case .created = try await next.adopt(keep), case .absent = try await next.adopt(newer),
                case .absent = try await next.adopt(damaged)
            else { throw Surprise() }
            #expect(try await next.sweep(keeping: [keep]) == [newer, damaged].sorted())
            #expect(try await next.containers() == [keep])
        }
    }
}
