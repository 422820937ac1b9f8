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

package struct AttachQuery: Sendable {
    package var standardInput = false
    package var standardOutput = false
    package var standardError = false
    /// Output of before this attach, too.
    package var logs = false
    package var stream = false
    package init() {}
}

package enum WaitCondition: String, Sendable {
    case notRunning = "not-running"
    case nextExit = "next-exit"
    case removed
}

/// How a container ended.
package struct ExitResult: Sendable, Equatable {
    package var statusCode: Int
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

/// What an exec was made for, of what concerns whoever attaches to it.
package struct ExecStreamsWish: Sendable {
    package var isTerminal: Bool
    package var wantsInput: Bool
    /// As its maker has written them; empty for the usual ones.
    package var detachKeys: String
    package init(isTerminal: Bool, wantsInput: Bool, detachKeys: String = "") {
        self.detachKeys = detachKeys
        self.isTerminal = isTerminal
        self.wantsInput = wantsInput
    }
}

/// What the container routes need of the engine. A reference is an id, an unambiguous prefix of one, or a name.
///
/// Faults: `.notFound` with `No such container: X`; `.conflict`; `.notModified` for a start or stop that changes nothing.
package protocol ContainerBackend: ContainerStatsBackend, ContainerFilesBackend {
    /// - Parameter platform: `os/architecture` that the image has to be for; `nil` for whatever it is.
    func createContainer(name: String?, platform: String?, _ request: ContainerCreateRequest) async throws -> (
        id: String, warnings: [String]
    )
    func listContainers(_ query: ContainerQuery) async throws -> [ContainerSummary]
    func inspectContainer(_ reference: String, size: Bool) async throws -> ContainerInspection
    func startContainer(_ reference: String) async throws
    /// - Parameter timeout: Seconds before SIGKILL; `nil` for the container's own, −1 for never.
    func stopContainer(_ reference: String, signal: String?, timeout: Int?) async throws
    func restartContainer(_ reference: String, signal: String?, timeout: Int?) async throws
    func killContainer(_ reference: String, signal: String?) async throws
    func pauseContainer(_ reference: String) async throws
    func unpauseContainer(_ reference: String) async throws
    func renameContainer(_ reference: String, to name: String) async throws
    /// Changes limits and the restart policy: what `changes` leaves at zero stays as it is.
    /// - Returns: Warnings.
    func updateContainer(_ reference: String, _ changes: HostConfiguration) async throws -> [String]
    func waitForContainer(_ reference: String, _ condition: WaitCondition) async throws -> PendingExit
    func removeContainer(_ reference: String, force: Bool, removeVolumes: Bool) async throws
    /// Ids of the removed ones.
    func pruneContainers(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64)
    func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
    func attachContainer(_ reference: String, _ query: AttachQuery) async throws -> any AttachedStreams
    func resizeContainer(_ reference: String, height: Int, width: Int) async throws

    func createExec(container reference: String, _ request: ExecRequest) async throws -> String
    /// Starts the process. A failure of the start is text in the stream and exit code 126 or 127.
    func startExec(_ id: String, height: Int?, width: Int?) async throws -> any AttachedStreams
    /// Whether the exec exists and may be started, asked before the connection is taken over.
    func checkExec(_ id: String) async throws -> ExecStreamsWish
    func startExecDetached(_ id: String) async throws
    func resizeExec(_ id: String, height: Int, width: Int) async throws
    func inspectExec(_ id: String) async throws -> ExecInspection
}
