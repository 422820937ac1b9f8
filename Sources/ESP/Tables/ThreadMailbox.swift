import CESP
import Glibc
import LinuxSystem
import Synchronization

/// Commands for one thread, from any. Looking whether there are some is one load, so a thread does it between batches.
final class ThreadMailbox<Command: Sendable>: Sendable {
    private let commands = Mutex<[Command]>([])
    private let pending = Atomic<Bool>(false)
    /// Readable while there may be something: for poll(2) and epoll(7).
    let event: CInt

    init() throws(SystemError) { event = try check(cesp_event(), "make an event") }

    deinit { close(event) }

    func post(_ command: Command) {
        commands.withLock { $0.append(command) }
        pending.store(true, ordering: .releasing)
        var one: UInt64 = 1
        // A full counter is readable as well.
        _ = write(event, &one, 8)
    }

    var hasSome: Bool { pending.load(ordering: .acquiring) }

    func take() -> [Command] {
        var count: UInt64 = 0
        // Empty where somebody has posted and not written yet: the thread comes by again then.
        _ = read(event, &count, 8)
        pending.store(false, ordering: .sequentiallyConsistent)
        return commands.withLock { commands in
            defer { commands = [] }
            return commands
        }
    }
}

/// What threads tell the one that keeps the state; what is more than it takes is left out, since all of it is told again.
enum LaneEvent: Sendable {
    /// The device was deleted.
    case deviceGone(network: Int)
    /// A peer's datagrams come from elsewhere.
    case moved(peer: Int, lane: Int, UnderlayEndpoint)
    /// Sends to the peer are longer than the path takes; the packet's bytes.
    case pathTooNarrow(peer: Int)
    /// The route to the peer takes no batches.
    case noSegmentation(peer: Int)
    /// All numbers of the key that the peer is sent to with are used.
    case sequenceExhausted(peer: Int)
    case badICV(spi: UInt32, count: UInt64)
    case unknownSPI(count: UInt64)
    /// Nothing but replays has come with it for a while; or something else has again.
    case onlyReplays(spi: UInt32, Bool)
}

/// An address and port on the underlay, as the shim wants it.
struct UnderlayEndpoint: Equatable, @unchecked Sendable {
    // Safe: numbers alone. The C structure is not marked as such.
    var raw: cesp_endpoint

    @inline(__always) static func == (left: Self, right: Self) -> Bool {
        left.raw.address.0 == right.raw.address.0 && left.raw.address.1 == right.raw.address.1
            && left.raw.port_be == right.raw.port_be && left.raw.version == right.raw.version
    }

    static let none = UnderlayEndpoint(raw: cesp_endpoint())
}
