import Glibc
import LinuxSystem
import TestKit
import Testing

@Suite struct SignalTests {
    @Test func `signals sent to this process come out of the stream`() async throws {
        let signals = try Signals.stream(of: [SIGUSR1, SIGUSR2])
        #expect(kill(getpid(), SIGUSR1) == 0)
        let first = try await within(.seconds(30)) { await signals.first { _ in true } }
        #expect(first == SIGUSR1)
        #expect(kill(getpid(), SIGUSR2) == 0)
        let second = try await within(.seconds(30)) { await signals.first { _ in true } }
        #expect(second == SIGUSR2)
    }

    @Test func `orphans are adopted and reaped, and children somebody waits for are left alone`() async throws {
        try Processes.becomeSubreaper()
        let pipe = try Descriptor.pipe()
        // The inner shell outlives the outer one and ends when its input does.
        let gate = try Descriptor.pipe()
        let child = try Processes.spawn(
            SpawnRequest(
                executable: "/bin/sh", arguments: ["-c", "sh -c 'read x <&3' & echo $!"],
                descriptors: [(pipe.writing.raw, 1), (gate.reading.raw, 3)]))
        let text = String(decoding: try pipe.reading.readSome(32), as: UTF8.self)
        let orphan = try #require(pid_t(text.dropLast()))
        #expect(try await child.wait() == .exited(0))
        try gate.writing.writeAll(Array("x\n".utf8))
        try await eventually("the orphan is reaped") {
            Processes.reapOrphans()
            return Processes.state(of: orphan) == nil
        }
    }

    @Test func `waiting for a descriptor ends with what can be read, with a hang-up, and with cancellation`()
        async throws
    {
        let pipe = try Descriptor.pipe()
        let reading = pipe.reading.raw
        await #expect(throws: NotReached.self) {
            try await within(.milliseconds(20)) { try await Poller.shared.waitUntilReadable(reading) }
        }
        try pipe.writing.writeAll([1])
        try await within(.seconds(30)) { try await Poller.shared.waitUntilReadable(reading) }
        #expect(try pipe.reading.readSome(9) == [1])
        // The same descriptor again: the first watch is gone.
        let writing = pipe.split { kept, closed in (Keep(kept), closed.release()) }
        async let ended: Void = Poller.shared.waitUntilReadable(reading)
        close(writing.1)
        try await ended
        #expect(try writing.0.descriptor.readSome(9).isEmpty)
    }
}

private final class Keep: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
