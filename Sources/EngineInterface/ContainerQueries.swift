package import Model
package import NIOCore

/// Which containers a list wants.
package struct ContainerQuery: Sendable {
    package var all = false
    /// Newest first; `nil` or ≤ 0 for no limit.
    package var limit: Int?
    package var size = false
    package var filters = Filters()
    package init() {}
}

/// Which lines a log request wants.
package struct LogQuery: Sendable {
    package var standardOutput = true
    package var standardError = true
    package var follow = false
    /// The last so many lines; `nil` for all.
    package var tail: Int?
    package var since: Timestamp?
    package var until: Timestamp?
    package var timestamps = false
    package var details = false
    package init() {}
}

/// One piece of a container's output.
package struct OutputChunk: Sendable {
    /// The numbers that Docker's frames carry.
    package enum Stream: UInt8, Sendable {
        case standardInput = 0, standardOutput = 1, standardError = 2
        /// Why an answer is incomplete; it ends with this, and clients report it as their error.
        case systemError = 3
    }
    package var stream: Stream
    package var bytes: ByteBuffer
    package init(stream: Stream, bytes: ByteBuffer) {
        self.bytes = bytes
        self.stream = stream
    }
}

/// The standard streams of a container or of an exec's process, for one viewer.
package protocol AttachedStreams: Sendable {
    /// One stream in the raw, or several in frames.
    var isTerminal: Bool { get }
    /// Ends when the process's output ends, or throws when this viewer was too slow.
    var output: AsyncThrowingStream<OutputChunk, any Error> { get }
    /// Writes to the process's standard input and returns when the kernel has it. Nothing happens where none is taken.
    func write(_ bytes: ByteBuffer) async throws
    /// Ends the process's standard input.
    func closeInput() async
    /// The viewer goes; the process goes on.
    func detach() async
    /// Returns when the process's exit code is on record, so that an inspect after the stream's end sees it.
    func finished() async
}

/// The lines that a log request asked for, in frames unless the container has a terminal.
package struct LogStream: Sendable {
    package var isTerminal: Bool
    /// One chunk a line, as many at once as are there.
    package var output: AsyncThrowingStream<[OutputChunk], any Error>
    package init(isTerminal: Bool, output: AsyncThrowingStream<[OutputChunk], any Error>) {
        self.isTerminal = isTerminal
        self.output = output
    }
}

/// What one who attaches wants of a container's streams.
package struct AttachQuery: Sendable {
    package var standardInput = false
    package var standardOutput = false
    package var standardError = false
    /// Output of before this attach, too.
    package var logs = false
    package var stream = false
    package init() {}
}

/// What a wait waits for, spelled as in the query.
package enum WaitCondition: String, Sendable {
    case notRunning = "not-running"
    case nextExit = "next-exit"
    case removed
}

/// How a container ended.
package struct ExitResult: Sendable, Equatable {
    /// The process's exit code, or 128 + the signal that killed it.
    package var statusCode: Int
    /// `Error.Message` of Docker's answer to `wait`; `nil` where there is none.
    package var error: String?
    package init(statusCode: Int, error: String? = nil) {
        self.error = error
        self.statusCode = statusCode
    }
}

/// A wait that is registered: whatever happens from now on is seen by ``result``, which throws when its task is cancelled, as
/// happens when the client goes.
package struct PendingExit: Sendable {
    package var result: @Sendable () async throws -> ExitResult
    package init(result: @escaping @Sendable () async throws -> ExitResult) { self.result = result }
}
