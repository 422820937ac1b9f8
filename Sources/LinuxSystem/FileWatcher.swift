import CLinux
import Glibc
import Synchronization

/// What happened in a watched directory.
package enum FileEvent: Sendable, Hashable {
    /// A file or directory of this name was made there.
    case created(String)
    /// Renamed into, or within, the directory: what an atomic write ends with.
    case movedIn(String)
    case movedOut(String)
    case removed(String)
    case modified(String)
    /// Closed after writing.
    case written(String)
    /// Events were lost: read the directory again.
    case overflow
    /// The directory itself is gone or moved; the stream ends.
    case gone
}

/// The events to hear of.
package struct FileEventKinds: OptionSet, Sendable {
    /// Bits of inotify(7).
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let created = Self(rawValue: UInt32(IN_CREATE))
    package static let movedIn = Self(rawValue: UInt32(IN_MOVED_TO))
    package static let movedOut = Self(rawValue: UInt32(IN_MOVED_FROM))
    package static let removed = Self(rawValue: UInt32(IN_DELETE))
    package static let modified = Self(rawValue: UInt32(IN_MODIFY))
    package static let written = Self(rawValue: UInt32(IN_CLOSE_WRITE))
    /// Names that come and go.
    package static let names: Self = [.created, .movedIn, .movedOut, .removed]
}

/// Watches directories with one inotify(7) instance for the whole process: closing an instance costs 16 ms.
package final class FileWatcher: Sendable {
    /// Events that wait for one reader; beyond it the oldest are dropped and `overflow` is told.
    private static let longestQueue = 4096

    private struct Subscriber {
        let kinds: FileEventKinds
        let continuation: AsyncStream<FileEvent>.Continuation
    }

    private struct State {
        var next: UInt64 = 0
        var subscribers: [CInt: [UInt64: Subscriber]] = [:]
    }

    private let descriptor: Descriptor
    private let state = Mutex(State())
    private let token = Mutex<Poller.Token?>(nil)

    /// - Throws: `SystemError` when the user has as many inotify instances as allowed (EMFILE).
    package init() throws(SystemError) {
        descriptor = Descriptor(
            owning: try check(inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)), "inotify_init1"))
        let watch = try Poller.shared.watch(descriptor.raw) { [weak self] in self?.read() }
        token.withLock { $0 = watch }
    }

    deinit {
        if let watch = token.withLock({ $0 }) { Poller.shared.remove(watch) }
    }

    /// Events of a directory from now on. Register first, then look at what is there already. Ends when the stream is
    /// dropped, or after ``FileEvent/gone``.
    package func events(in directory: String, _ kinds: FileEventKinds = .names) throws(SystemError)
        -> AsyncStream<FileEvent>
    {
        let (stream, continuation) = AsyncStream.makeStream(
            of: FileEvent.self, bufferingPolicy: .bufferingNewest(Self.longestQueue))
        let (watch, number) = try state.withLock { state throws(SystemError) in
            let mask = kinds.rawValue | UInt32(IN_ONLYDIR) | UInt32(IN_MASK_ADD) | UInt32(IN_MOVE_SELF)
            let watch = try check(inotify_add_watch(descriptor.raw, directory, mask), "watch directory \(directory)")
            state.next += 1
            state.subscribers[watch, default: [:]][state.next] = Subscriber(kinds: kinds, continuation: continuation)
            return (watch, state.next)
        }
        continuation.onTermination = { [weak self] _ in self?.end(watch, number) }
        return stream
    }

    private func end(_ watch: CInt, _ number: UInt64) {
        state.withLock { state in
            guard var left = state.subscribers[watch] else { return }
            left[number] = nil
            state.subscribers[watch] = left.isEmpty ? nil : left
            if left.isEmpty { inotify_rm_watch(descriptor.raw, watch) }
        }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor.raw, &buffer, buffer.count)
            guard count > 0 else { return }
            for event in InotifyEvent.decode(buffer.prefix(count)) { deliver(event) }
        }
    }

    private func deliver(_ event: InotifyEvent) {
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
            let all = state.withLock { $0.subscribers.values.flatMap(\.values) }
            for subscriber in all { subscriber.continuation.yield(.overflow) }
            return
        }
        let subscribers = state.withLock { $0.subscribers[event.watch].map { Array($0.values) } ?? [] }
        let isGone = event.mask & UInt32(clamping: IN_IGNORED | IN_MOVE_SELF) != 0
        if isGone {
            state.withLock { _ = $0.subscribers.removeValue(forKey: event.watch) }
            if event.mask & UInt32(IN_MOVE_SELF) != 0 { inotify_rm_watch(descriptor.raw, event.watch) }
        }
        for subscriber in subscribers {
            if isGone {
                subscriber.continuation.yield(.gone)
                subscriber.continuation.finish()
            } else if let told = event.event(of: subscriber.kinds) {
                if case .dropped = subscriber.continuation.yield(told) { subscriber.continuation.yield(.overflow) }
            }
        }
    }
}

/// `struct inotify_event` (inotify(7)).
struct InotifyEvent: Equatable {
    let watch: CInt
    let mask: UInt32
    let name: String

    static func decode(_ bytes: ArraySlice<UInt8>) -> [InotifyEvent] {
        var events: [InotifyEvent] = []
        var rest = bytes
        while rest.count >= 16 {
            let (watch, mask, length) = rest.withUnsafeBytes {
                (
                    $0.loadUnaligned(as: CInt.self), $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                    Int(clamping: $0.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
                )
            }
            guard rest.count >= 16 + length else { break }
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            events.append(InotifyEvent(watch: watch, mask: mask, name: String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(16 + length)
        }
        return events
    }

    func event(of kinds: FileEventKinds) -> FileEvent? {
        switch mask & kinds.rawValue & 0xfff {
        case UInt32(IN_CREATE): .created(name)
        case UInt32(IN_MOVED_TO): .movedIn(name)
        case UInt32(IN_MOVED_FROM): .movedOut(name)
        case UInt32(IN_DELETE): .removed(name)
        case UInt32(IN_MODIFY): .modified(name)
        case UInt32(IN_CLOSE_WRITE): .written(name)
        default: nil
        }
    }
}
