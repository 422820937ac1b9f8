import ContainerRuntime
import EngineInterface
import Model
import NIOCore

/// The streams of a command inside a container.
struct ExecStreams: AttachedStreams {
    let session: any ExecSession
    let isTerminal: Bool
    let output: AsyncThrowingStream<OutputChunk, any Error>
    private let settled: PendingExit
    private let request: Model.ExecRequest

    init(session: any ExecSession, entry: ExecTable.Entry, settled: PendingExit) {
        self.session = session
        self.settled = settled
        request = entry.request
        isTerminal = entry.request.tty
        let viewer = session.viewer
        let (showsOutput, showsErrors) = (entry.request.attachStdout, entry.request.attachStderr)
        let reader = ViewerReader(
            viewer: viewer, past: nil, showsOutput: showsOutput, showsErrors: showsErrors, streams: true)
        output = AsyncThrowingStream { try await reader.next() }
    }

    func write(_ bytes: ByteBuffer) async throws { if request.attachStdin { try await session.viewer.write(bytes) } }
    func closeInput() async { if request.attachStdin { await session.viewer.closeInput() } }

    /// The client is gone; the command goes on, and its output goes nowhere.
    func detach() async { session.viewer.detach() }

    func finished() async {
        // Cancelled with the client: then nobody asks for the exit code, which goes on record all the same.
        _ = try? await settled.result()
    }
}

/// What a client reads of a command that could not be started.
struct FailedStreams: AttachedStreams {
    let isTerminal: Bool
    let output: AsyncThrowingStream<OutputChunk, any Error>

    init(isTerminal: Bool, message: String) {
        self.isTerminal = isTerminal
        output = AsyncThrowingStream { continuation in
            continuation.yield(OutputChunk(stream: .standardOutput, bytes: ByteBuffer(string: message)))
            continuation.finish()
        }
    }

    func write(_ bytes: ByteBuffer) async throws {}
    func closeInput() async {}
    func detach() async {}
    func finished() async {}
}
