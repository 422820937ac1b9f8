import ContainerRuntime
import Glibc
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(2))) struct BackPressureTests {
    /// More than all buffers on the way hold.
    private static let bytes = 24 << 20

    @Test func `a slow viewer slows the container down and loses nothing`() async throws {
        try await RuntimeFixture.run(.runc) { fixture in
            let wanted = fixture.specification("slow", ["head", "-c", "\(Self.bytes)", "/dev/zero"])
            let slow = fixture.runtime.attach(wanted.id)
            let fast = fixture.runtime.attach(wanted.id)
            _ = try await fixture.runtime.create(
                CreateRequest(specification: wanted, logPath: nil, runtime: fixture.name))
            try await fixture.runtime.start(wanted.id)
            async let other = Self.count(fast)
            // Both buffers are full now, or the container would have ended.
            let isHeldUp = try await RuntimeFixture.eventually { slow.waitingBytes >= 1 << 20 }
            #expect(isHeldUp)
            guard case .running = try await fixture.runtime.state(wanted.id) else { throw Surprise() }
            #expect(slow.waitingBytes < 2 << 20)
            let mine = try await Self.count(slow)
            let theirs = try await other
            #expect(mine == Self.bytes)
            #expect(theirs == Self.bytes)
            #expect(try await fixture.runtime.waitForExit(wanted.id).code == 0)
        }
    }

    @Test func `a viewer that reads nothing at all is let go, and the container goes on`() async throws {
        try await RuntimeFixture.run(.runc) { fixture in
            let wanted = fixture.specification("stuck", ["head", "-c", "\(Self.bytes)", "/dev/zero"])
            let stuck = fixture.runtime.attach(wanted.id)
            _ = try await fixture.runtime.create(
                CreateRequest(specification: wanted, logPath: nil, runtime: fixture.name))
            try await fixture.runtime.start(wanted.id)
            #expect(try await fixture.runtime.waitForExit(wanted.id).code == 0)
            let error = await #expect(throws: RuntimeError.self) { _ = try await Self.count(stuck) }
            #expect(error?.code == .viewerTooSlow)
        }
    }

    @Test func `what was written is still read when the container is gone`() async throws {
        try await RuntimeFixture.run { fixture in
            let script = "echo first; while [ ! -e /go ]; do sleep 0.01; done; echo last"
            let wanted = fixture.shell("late", script)
            let viewer = fixture.runtime.attach(wanted.id)
            _ = try await fixture.runtime.create(
                CreateRequest(specification: wanted, logPath: nil, runtime: fixture.name))
            try await fixture.runtime.start(wanted.id)
            #expect(try await RuntimeFixture.read(viewer, until: "first") == "first\n")
            // Nobody reads the last line before the container is gone, as on a machine with too much to do.
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { loop.execute { usleep(800_000) } }
            try Files.writeAtomically("go", to: fixture.root + "/go")
            #expect(try await fixture.runtime.waitForExit(wanted.id).code == 0)
            try await fixture.runtime.delete(wanted.id)
            #expect(try await RuntimeFixture.collect(viewer).output == "last\n")
        }
    }

    private static func count(_ viewer: OutputViewer) async throws -> Int {
        var total = 0
        while let piece = try await viewer.next() { total += piece.bytes.readableBytes }
        return total
    }
}
