import Glibc
import LinuxSystem
import NIOCore
import NIOPosix

/// Where queries come from: a connection, or the datagrams.
protocol QuerySource: AnyObject {
    /// Has one waiting query answered, and enters its line again when there is more to do.
    func serveNext()
}

/// The sources of one sandbox that have queries waiting, each served in turn. Belongs to its event loop.
final class QueryLine {
    private var sources = CircularBuffer<any QuerySource>()
    private let scheduler: TimeSliceScheduler
    fileprivate var isScheduled = false

    init(_ scheduler: TimeSliceScheduler) { self.scheduler = scheduler }

    /// A source must not enter again before it has been served.
    func enter(_ source: any QuerySource) {
        sources.append(source)
        if !isScheduled { scheduler.add(self) }
    }

    fileprivate var isEmpty: Bool { sources.isEmpty }

    fileprivate func serve(until end: NIODeadline) {
        while let source = sources.popFirst() {
            source.serveNext()
            if NIODeadline.now() >= end { break }
        }
    }
}

/// Gives each sandbox of an event loop its turn of the same length: one that asks without end costs the others that much, and
/// nothing where nobody else asks. Belongs to its event loop.
///
/// Between two turns the event loop looks at all its sockets, which it does not as long as there is a task for it that is due: so
/// the next turn is no task, but what comes out of a pipe.
final class TimeSliceScheduler {
    /// How long one sandbox is served before the next.
    private static let turn = TimeAmount.milliseconds(1)
    /// Without a pipe: long enough for the event loop to look at its sockets first, as a rule.
    private static let pause = TimeAmount.milliseconds(1)

    private let loop: any EventLoop
    private var lines = CircularBuffer<QueryLine>()
    private var isAtWork = false
    /// Where an octet makes the next turn.
    private var wakeup: CInt?

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Makes the pipe. Until it is there, and without it, turns are tasks.
    func openPipe() {
        let (reading, writing): (CInt, CInt)
        do {
            (reading, writing) = try Descriptor.pipe(nonBlocking: true).split { ($0.release(), $1.release()) }
        } catch { return }
        let this = NIOLoopBound(self, eventLoop: loop)
        NIOPipeBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(TurnHandler(this.value))
                }
            }
            .takingOwnershipOfDescriptor(input: reading)
            .whenComplete { result in
                switch result {
                case .success: this.value.wakeup = writing
                case .failure: close(writing)
                }
            }
    }

    fileprivate func add(_ line: QueryLine) {
        line.isScheduled = true
        lines.append(line)
        guard !isAtWork else { return }
        isAtWork = true
        loop.assumeIsolated().execute { self.takeTurn() }
    }

    fileprivate func takeTurn() {
        if let line = lines.popFirst() {
            line.serve(until: .now() + Self.turn)
            if line.isEmpty { line.isScheduled = false } else { lines.append(line) }
        }
        isAtWork = !lines.isEmpty
        guard isAtWork else { return }
        if let wakeup, write(wakeup, [1], 1) == 1 { return }
        loop.assumeIsolated().scheduleTask(in: Self.pause) { self.takeTurn() }
    }
}

/// Each octet that comes is a turn; there is one at a time.
private final class TurnHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let scheduler: TimeSliceScheduler

    init(_ scheduler: TimeSliceScheduler) { self.scheduler = scheduler }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { scheduler.takeTurn() }
}
