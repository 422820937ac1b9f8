import Glibc
import LinuxSystem
import NIOCore
import TestKit
import Testing

@testable import ContainerRuntime

@Suite(.timeLimit(.minutes(1))) struct InputTests {
    @Test func `a writer that goes before there is a container does not stay`() async throws {
        let hub = StreamHub(timeout: nil)
        // To be cancelled, as a connection's is.
        let writer = Task { try await hub.write(ByteBuffer(string: "x")) }
        try await eventually { hub.waitingWriters == 1 }
        writer.cancel()
        try await writer.value
        #expect(hub.waitingWriters == 0)
    }

    @Test func `a writer that goes does not wait for a process that does not read`() async throws {
        try await RuntimeFixture.run(.runc) { fixture in
            var wanted = fixture.specification("deaf", ["sleep", "1000"])
            wanted.openInput = true
            let viewer = fixture.runtime.attach(wanted.id)
            _ = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            let written = Kept(0)
            // To be cancelled, as a connection's is.
            let writer = Task {
                let piece = ByteBuffer(repeating: 1, count: 1 << 20)
                while true {
                    try await viewer.write(piece)
                    written.withLock { $0 += 1 }
                }
            }
            // Everything on the way is full when nothing more is taken.
            var last = -1
            while written.withLock({ $0 }) != last {
                last = written.withLock { $0 }
                try await Task.sleep(for: .milliseconds(200))
            }
            writer.cancel()
            await #expect(throws: CancellationError.self) { try await writer.value }
            // As above.
            let closer = Task { await viewer.closeInput() }
            closer.cancel()
            await closer.value
        }
    }

    @Test func `a launch that fails before it has a child closes the child's ends`() async throws {
        var pipes = Optional(try ConmonPipes(isExec: true))
        let readers = [pipes?.syncReader, pipes?.attachReader]
        pipes = nil
        for reader in readers {
            let reader = try #require(reader)
            // The end is seen only when nobody holds the other side.
            #expect(try await within(.seconds(30)) { try await reader.line() } == nil)
        }
    }
}
