import ContainerRuntime
import EngineInterface
import Model
import NIOCore

/// A container's streams for one viewer.
struct ViewerStreams: AttachedStreams {
    let viewer: OutputViewer
    let isTerminal: Bool
    let takesInput: Bool
    /// The viewer's end of input is the process' own. Otherwise another viewer may go on where this one leaves off.
    let endsInput: Bool
    let output: AsyncThrowingStream<OutputChunk, any Error>
    private let onFinished: @Sendable () async -> Void

    init(
        viewer: OutputViewer, isTerminal: Bool, takesInput: Bool, endsInput: Bool, shows query: AttachQuery,
        past: AsyncThrowingStream<[OutputChunk], any Error>?, onFinished: @escaping @Sendable () async -> Void
    ) {
        self.viewer = viewer
        self.isTerminal = isTerminal
        self.takesInput = takesInput
        self.endsInput = endsInput
        self.onFinished = onFinished
        let reader = ViewerReader(
            viewer: viewer, past: past, showsOutput: query.standardOutput, showsErrors: query.standardError,
            streams: query.stream)
        output = AsyncThrowingStream { try await reader.next() }
    }

    func write(_ bytes: ByteBuffer) async throws { if takesInput { try await viewer.write(bytes) } }
    func closeInput() async { if takesInput, endsInput { await viewer.closeInput() } }
    func detach() async { viewer.detach() }
    func finished() async { await onFinished() }
}

/// Reads one viewer's output, what is past first. Only one task reads at a time: the stream that owns it.
actor ViewerReader {
    private let viewer: OutputViewer
    private var past: AsyncThrowingStream<[OutputChunk], any Error>.AsyncIterator?
    /// Read of the past, and not told yet.
    private var waiting: ArraySlice<OutputChunk> = []
    private let showsOutput: Bool
    private let showsErrors: Bool
    private let streams: Bool

    init(
        viewer: OutputViewer, past: AsyncThrowingStream<[OutputChunk], any Error>?, showsOutput: Bool,
        showsErrors: Bool, streams: Bool
    ) {
        self.past = past?.makeAsyncIterator()
        self.showsErrors = showsErrors
        self.showsOutput = showsOutput
        self.streams = streams
        self.viewer = viewer
    }

    func next() async throws -> OutputChunk? {
        while var iterator = past {
            if let chunk = waiting.popFirst() { return chunk }
            let chunks = try await iterator.next(isolation: self)
            past = chunks == nil ? nil : iterator
            waiting = (chunks ?? [])[...]
        }
        guard streams else {
            viewer.detach()
            return nil
        }
        while let piece = try await viewer.next() {
            switch piece.stream {
            case .output where showsOutput: return OutputChunk(stream: .standardOutput, bytes: piece.bytes)
            case .error where showsErrors: return OutputChunk(stream: .standardError, bytes: piece.bytes)
            default: continue
            }
        }
        return nil
    }
}
