import CESP
import CLinux
import ESPControl
import Glibc
import LinuxSystem

/// `apus-esp` without its command line: one loop that listens to the control socket and keeps the state, and a lane's threads for the packets.
package struct ESPProcess: Sendable {
    /// How it runs.
    package struct Configuration: Sendable {
        /// Path of the control socket.
        package var socket: String
        /// Path of the file with the sequence numbers: on a file system that a reboot empties.
        package var counters: String
        /// 1 … 4.
        package var lanes: Int
        package var productVersion: String

        package init(socket: String, counters: String, lanes: Int = 1, productVersion: String) {
            (self.socket, self.counters, self.lanes) = (socket, counters, lanes)
            self.productVersion = productVersion
        }
    }

    /// One for up to four processors, then a quarter of them, four at the most.
    package static func lanes(processors: Int) -> Int { min(max(1, processors / 4), Batches.mostLanes) }

    /// No core dumps of this process, and no tracing: it holds keys. For the program's `main`.
    package static func hideMemory() throws { try check(cesp_hide(), "hide the memory") }

    private let configuration: Configuration

    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// Runs on the calling thread, in whose network namespace its sockets are, until `stop` is readable. Devices stay.
    /// - Throws: `SystemError`; EWOULDBLOCK while another process has the counters.
    package func run(stop: Int32) throws {
        let events = try ThreadMailbox<ApplierEvent>()
        // First, as it is the lock: nothing of a process that still lives is touched.
        let pages = try CounterPages(path: configuration.counters)
        let applier = try StateApplier(
            pages: pages, lanes: min(max(1, configuration.lanes), Batches.mostLanes), events: events)
        defer { applier.stop() }
        var loop = ControlLoop(
            applier: applier, events: events, productVersion: configuration.productVersion,
            listener: try ControlStream.listening(at: configuration.socket))
        try loop.run(stop: stop)
        unlink(configuration.socket)
    }
}

/// Who is connected, and what they have asked.
private struct ControlLoop: ~Copyable {
    private final class Connection {
        var stream: ControlStream
        var isOpen = true

        init(_ stream: consuming ControlStream) { self.stream = stream }
    }

    /// A request for counters, until all threads have answered.
    private struct Request {
        let connection: Connection
        let number: UInt64
        let box: SnapshotBox
    }

    /// The daemon, its successor, and somebody who looks.
    private static let mostConnections = 8
    private static let mostRequests = 64
    /// Milliseconds until what failed is tried again.
    private static let retry: CInt = 250

    private let applier: StateApplier
    private let events: ThreadMailbox<ApplierEvent>
    private let productVersion: String
    private let listener: Descriptor
    private var connections: [Connection] = []
    private var requests: [Request] = []

    init(
        applier: StateApplier, events: ThreadMailbox<ApplierEvent>, productVersion: String,
        listener: consuming Descriptor
    ) {
        (self.applier, self.events, self.productVersion) = (applier, events, productVersion)
        self.listener = listener
    }

    mutating func run(stop: CInt) throws {
        while true {
            var polled = [stop, events.event, listener.raw].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            polled += connections.map {
                pollfd(
                    fd: $0.stream.raw, events: Int16(POLLIN) | ($0.stream.hasOutput ? Int16(POLLOUT) : 0), revents: 0)
            }
            let ready = poll(&polled, nfds_t(clamping: polled.count), applier.isToTryAgain ? Self.retry : -1)
            let number = errno
            if ready < 0, number != EINTR { throw SystemError(errno: number, attempting: "wait for the daemon") }
            if ready < 0 { continue }
            if ready == 0 { applier.tryAgain() }
            let isReady = polled.map { $0.revents != 0 }
            if isReady.first == true { return }
            try takeEvents()
            for (connection, isReady) in zip(connections, isReady.dropFirst(3)) where isReady { listen(to: connection) }
            if isReady.dropFirst(2).first == true { accept() }
            tellFaults()
            connections.removeAll { !$0.isOpen }
            requests.removeAll { !$0.connection.isOpen }
        }
    }

    private mutating func takeEvents() throws {
        for event in events.take() {
            switch event {
            case .lane(let event):
                if let notice = applier.take(event) {
                    for connection in connections { send(.notice(notice), connection) }
                }
            case .snapshotTaken: break
            case .failed(let error): throw error
            }
        }
        let threads = applier.lanes.count * 2
        // Each box is looked at once: the threads go on filling them, and what comes after this brings an event of its own.
        var waiting: [Request] = []
        for request in requests {
            let snapshots = request.box.snapshots
            if snapshots.count == threads {
                send(.report(request.number, applier.report(snapshots)), request.connection)
            } else {
                waiting.append(request)
            }
        }
        requests = waiting
    }

    private mutating func accept() {
        let raw = clinux_accept4(listener.raw, CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
        guard raw >= 0 else { return }
        let socket = Descriptor(owning: raw)
        guard connections.count < Self.mostConnections else { return }
        do throws(SystemError) {
            let connection = Connection(try ControlStream(socket))
            connections.append(connection)
            send(
                .hello(
                    EncryptionHello(
                        productVersion: productVersion, pid: getpid(), page: applier.pages.id,
                        lanes: UInt8(clamping: applier.lanes.count), cipher: String(cString: cesp_cipher_library()),
                        version: applier.version)), connection)
        } catch {
            // Somebody else than root, or gone already: its socket is closed.
        }
    }

    private mutating func listen(to connection: Connection) {
        do {
            try connection.stream.flush()
            let isOpen = try connection.stream.receive()
            while let bytes = try connection.stream.next() {
                take(try DaemonMessage(decoding: bytes), connection)
            }
            if !isOpen { connection.isOpen = false }
        } catch {
            // Not understood, or gone: the daemon comes again with its whole state.
            connection.isOpen = false
        }
    }

    private mutating func take(_ message: DaemonMessage, _ connection: Connection) {
        switch message {
        case .whole(let version, let state):
            applier.replace(with: state, version: version)
            answer(connection)
        case .changes(let base, let version, let changes):
            guard base == applier.version else { return send(.behind(version: applier.version), connection) }
            applier.apply(changes, version: version)
            answer(connection)
        case .report(let number):
            guard requests.count < Self.mostRequests else {
                connection.isOpen = false
                return
            }
            let events = events
            let box = SnapshotBox { events.post(.snapshotTaken) }
            requests.append(Request(connection: connection, number: number, box: box))
            for lane in applier.lanes {
                lane.sender.post(.snapshot(box))
                lane.receiver.post(.snapshot(box))
            }
        }
    }

    private func answer(_ connection: Connection) {
        send(.answer(EncryptionAnswer(version: applier.version, faults: applier.faultList)), connection)
    }

    /// To all, when other faults are there than they know.
    private func tellFaults() {
        guard applier.hasNewFaults else { return }
        applier.hasNewFaults = false
        for connection in connections { answer(connection) }
    }

    private func send(_ message: EngineMessage, _ connection: Connection) {
        do { try connection.stream.send(message.encoded) } catch { connection.isOpen = false }
    }
}
