package import Concurrency
import Glibc
import LinuxSystem
import Synchronization

/// The daemon's end of `apus-esp`: holds what is wanted, and sees to it that the process has it.
///
/// What is wanted may be said at any time, also without a process: it is told all of it as soon as there is a connection, and each change after
/// that. Before the first ``replace(with:)`` it is told nothing, and goes on with what it was told before. Nothing here waits for the process, but who asks it to: ``settle(_:)`` and ``report()``.
///
/// Starting the process and its successor is the daemon's; ``reconnect()`` after it spares the pause between attempts. Of ``status``
/// the hello tells for which page of counters keys for sending are to be made (``SecurityAssociation/page``), and whether the process speaks another
/// version of the messages: it is there then, with ``EncryptionHello/protocolVersion`` and ``EncryptionHello/pid``, and nothing is told to it.
package final class EncryptionEngineClient: Sendable {
    /// Between attempts to connect.
    private static let pause = Duration.seconds(1)
    /// Changes that wait for a process which does not take them; with more it is told the whole state anew.
    private static let mostWaiting = 100_000

    /// What is to be sent, between its owner and the connection's thread.
    private struct Outbox {
        var wanted = EncryptionState()
        /// Whether all of it has been said: a part of it would take the rest away from the process.
        var isWhole = false
        var version: UInt64 = 1
        /// Since the last that was handed to the connection; `nil` when the whole state has to go.
        var changes: [EncryptionChange]? = nil
        var sentVersion: UInt64 = 0
        var reports: [UInt64: Promise<EncryptionReport>] = [:]
        /// Not handed to the connection yet.
        var asked: [UInt64] = []
        var nextReport: UInt64 = 1
        /// Of the connection that there is.
        var waker: Waker?
    }

    /// Ends or wakes the connection's thread.
    private final class Waker: Sendable {
        let reading: CInt
        private let writing: CInt
        private let stopped = Mutex(false)

        init() throws(SystemError) {
            (reading, writing) = try Descriptor.pipe(nonBlocking: true).split { ($0.release(), $1.release()) }
        }
        deinit {
            close(reading)
            close(writing)
        }

        var isStopped: Bool { stopped.withLock { $0 } }

        func nudge() {
            var byte: UInt8 = 0
            // A full pipe wakes as well.
            _ = write(writing, &byte, 1)
        }
        func stop() {
            stopped.withLock { $0 = true }
            nudge()
        }
        func drain() {
            var bytes = [UInt8](repeating: 0, count: 512)
            while read(reading, &bytes, bytes.count) == bytes.count {}
        }
    }

    /// What is known of the process; every change wakes who waits for it.
    package let status = ObservableValue(EncryptionStatus())

    private let path: String
    private let onNotice: @Sendable (EncryptionNotice) -> Void
    private let outbox = Mutex(Outbox())
    private let again = AsyncEvent()

    /// - Parameters:
    ///   - path: Of the process's socket.
    ///   - onNotice: Called on a thread of the client's own for each notice; must not block.
    package init(socket path: String, onNotice: @escaping @Sendable (EncryptionNotice) -> Void = { _ in }) {
        self.path = path
        self.onNotice = onNotice
    }

    /// All that is wanted at present.
    package var wanted: EncryptionState { outbox.withLock { $0.wanted } }

    /// Wants this and nothing else; told is what differs. Returns the version for ``settle(_:)``.
    @discardableResult
    package func replace(with state: EncryptionState) -> UInt64 {
        let (changes, isFirst) = outbox.withLock { outbox in
            defer { outbox.isWhole = true }
            return (outbox.wanted.changes(to: state), !outbox.isWhole)
        }
        return change(changes, isFirst: isFirst)
    }

    /// Changes what is wanted; nothing of it is told before all was said once by ``replace(with:)``. Returns the version for ``settle(_:)``.
    @discardableResult
    package func apply(_ changes: [EncryptionChange]) -> UInt64 { change(changes, isFirst: false) }

    private func change(_ changes: [EncryptionChange], isFirst: Bool) -> UInt64 {
        let (version, waker) = outbox.withLock { outbox in
            if changes.isEmpty, !isFirst { return (outbox.version, nil as Waker?) }
            for change in changes { outbox.wanted.apply(change) }
            outbox.version += 1
            if let waiting = outbox.changes {
                outbox.changes = waiting.count + changes.count > Self.mostWaiting ? nil : waiting + changes
            }
            return (outbox.version, outbox.waker)
        }
        waker?.nudge()
        return version
    }

    /// Returns what is not as wanted, once the process has taken what was wanted as of a version.
    /// - Throws: `CancellationError`; nothing else ends the wait but an answer.
    @discardableResult
    package func settle(_ version: UInt64) async throws -> [EncryptionFault] {
        try await status.wait { $0.has(version) ? $0.faults : nil }
    }

    /// The process's counters.
    /// - Throws: `SystemError` ENOTCONN without a connection, and when it ends; `CancellationError`.
    package func report() async throws -> EncryptionReport {
        let promise = Promise<EncryptionReport>()
        let waker = outbox.withLock { outbox -> Waker? in
            guard let waker = outbox.waker else { return nil }
            outbox.reports[outbox.nextReport] = promise
            outbox.asked.append(outbox.nextReport)
            outbox.nextReport += 1
            return waker
        }
        guard let waker else { throw Self.notConnected }
        waker.nudge()
        return try await promise.value()
    }

    /// Tries to connect at once, where it would wait: the process has just been started.
    package func reconnect() { again.signal() }

    /// Connects, and again whenever the connection ends, until it is cancelled.
    package func run() async {
        while !Task.isCancelled {
            let waker: Waker
            do { waker = try Waker() } catch {
                lost("\(error)")
                await again.wait(until: .now + Self.pause)
                continue
            }
            await withTaskCancellationHandler {
                do { try await onThread { try self.session(waker) } } catch { lost("\(error)") }
            } onCancel: {
                waker.stop()
            }
            if Task.isCancelled { return }
            await again.wait(until: .now + Self.pause)
        }
    }

    private static let notConnected = SystemError(errno: ENOTCONN, attempting: "ask apus-esp")

    private func lost(_ failure: String) {
        let reports = outbox.withLock { outbox in
            defer { (outbox.reports, outbox.asked, outbox.waker, outbox.changes) = ([:], [], nil, nil) }
            return outbox.reports
        }
        for promise in reports.values { promise.fail(Self.notConnected) }
        status.change {
            $0.hello = nil
            $0.failure = failure
        }
    }

    /// One connection, on a thread, until it ends.
    private func session(_ waker: Waker) throws {
        var stream = try ControlStream(connecting: path)
        var isWelcome = false
        while !waker.isStopped {
            if isWelcome { try sendWhatIsThere(&stream) }
            var polled = [
                pollfd(fd: stream.raw, events: Int16(POLLIN) | (stream.hasOutput ? Int16(POLLOUT) : 0), revents: 0),
                pollfd(fd: waker.reading, events: Int16(POLLIN), revents: 0),
            ]
            try retrying("wait for apus-esp") { poll(&polled, 2, -1) }
            waker.drain()
            try stream.flush()
            let isOpen = try stream.receive()
            while let bytes = try stream.next() {
                let message = try EngineMessage(decoding: bytes)
                if case .hello(let hello) = message { isWelcome = welcome(hello, waker) }
                take(message)
            }
            if !isOpen { throw SystemError(errno: ECONNRESET, attempting: "listen to apus-esp") }
        }
        throw CancellationError()
    }

    /// Whether anything may be told to the process.
    private func welcome(_ hello: EncryptionHello, _ waker: Waker) -> Bool {
        let isUnderstood = hello.protocolVersion == EncryptionHello.protocolVersion
        if isUnderstood {
            outbox.withLock { outbox in
                outbox.waker = waker
                outbox.changes = nil
            }
        }
        status.change {
            $0.hello = hello
            $0.answered = 0
            $0.faults = []
            $0.failure = isUnderstood ? nil : "apus-esp speaks version \(hello.protocolVersion) of the messages"
        }
        return isUnderstood
    }

    private func sendWhatIsThere(_ stream: inout ControlStream) throws {
        let (message, asked) = outbox.withLock { outbox -> (DaemonMessage?, [UInt64]) in
            defer { outbox.asked = [] }
            var message: DaemonMessage?
            guard outbox.isWhole else { return (nil, outbox.asked) }
            if let changes = outbox.changes {
                if !changes.isEmpty {
                    message = .changes(base: outbox.sentVersion, version: outbox.version, changes)
                }
            } else {
                message = .whole(version: outbox.version, outbox.wanted)
            }
            outbox.changes = []
            outbox.sentVersion = outbox.version
            return (message, outbox.asked)
        }
        if let message { try stream.send(message.encoded) }
        for number in asked { try stream.send(DaemonMessage.report(number).encoded) }
    }

    private func take(_ message: EngineMessage) {
        switch message {
        case .hello: break
        case .answer(let answer):
            status.change {
                $0.answered = answer.version
                $0.faults = answer.faults
            }
        case .behind: outbox.withLock { $0.changes = nil }
        case .report(let number, let report):
            outbox.withLock { $0.reports.removeValue(forKey: number) }?.succeed(report)
        case .notice(let notice): onNotice(notice)
        }
    }
}
