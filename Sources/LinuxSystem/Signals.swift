import CLinux
import Glibc
import Synchronization

/// Signals of this process. For programs' `main` only.
package enum Signals {
    /// The signals from now on, instead of what they would do. Signals of one kind that come faster than they are read
    /// may be told once.
    package static func stream(of signals: [CInt]) throws -> AsyncStream<CInt> {
        let (reading, writing) = try Descriptor.pipe(nonBlocking: true).split { ($0.release(), $1.release()) }
        // Both ends stay open for good: a handler may run at any time.
        let (stream, continuation) = AsyncStream.makeStream(of: CInt.self, bufferingPolicy: .bufferingOldest(64))
        _ = try Poller.shared.watch(reading) {
            var bytes = [UInt8](repeating: 0, count: 64)
            while true {
                let count = read(reading, &bytes, bytes.count)
                guard count > 0 else { return }
                for byte in bytes.prefix(count) { continuation.yield(CInt(clamping: byte)) }
            }
        }
        for signal in signals { try check(clinux_signal_to_descriptor(signal, writing), "handle signal \(signal)") }
        return stream
    }

    /// Writing to a closed socket then gives EPIPE. Children start with default dispositions all the same.
    package static func ignoreBrokenPipes() throws(SystemError) {
        try check(clinux_ignore_signal(SIGPIPE), "ignore SIGPIPE")
    }
}
