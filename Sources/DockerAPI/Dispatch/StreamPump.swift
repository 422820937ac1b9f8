import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore

/// How a process's output goes over a connection: as it is from a terminal, in frames otherwise.
struct OutputFraming: Sendable {
    let isTerminal: Bool
    /// The client's: before 1.42 frames had no type of their own. Source: Engine API 1.42's list of changes.
    let version: APIVersion

    var contentType: String {
        isTerminal || version < APIVersion(1, 42)
            ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream"
    }

    func frame(_ chunk: OutputChunk) -> ByteBuffer {
        if isTerminal { return chunk.bytes }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(StreamFrame.headerLength + chunk.bytes.readableBytes)
        append(chunk, to: &buffer)
        return buffer
    }

    func append(_ chunk: OutputChunk, to buffer: inout ByteBuffer) {
        if !isTerminal {
            buffer.writeBytes(
                StreamFrame.header(stream: chunk.stream.rawValue, length: chunk.bytes.readableBytes))
        }
        buffer.writeImmutableBuffer(chunk.bytes)
    }
}

/// The head with which a connection leaves HTTP.
enum RawHead {
    /// `101 UPGRADED` for a client that asked with `Upgrade`, a bare `200 OK` without a length for the others.
    static func text(for call: Call, _ framing: OutputFraming) -> String {
        let upgrades = call.request.headers[.upgrade] != nil
        var lines = [upgrades ? "HTTP/1.1 101 UPGRADED" : "HTTP/1.1 200 OK", "Content-Type: \(framing.contentType)"]
        if upgrades { lines += ["Connection: Upgrade", "Upgrade: tcp"] }
        lines += call.common.fields.map { "\($0.name.rawName): \($0.value)" }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }
}

/// Carries bytes between a raw connection and a process's streams until the output ends, the user detaches or the client goes.
struct StreamPump: Sendable {
    let raw: RawSession
    let streams: any AttachedStreams
    let framing: OutputFraming
    let takesInput: Bool
    /// Whether the connection stays open until the process's exit code is on record.
    var waitsForExit = false
    /// Keys with which a terminal's user leaves; `nil` for none.
    var detachKeys: DetachKeys?
    let logger: Logger

    /// Returns when the connection is closed and the viewer gone.
    func run() async {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await sendOutput()
                return true
            }
            group.addTask { await receiveInput() }
            group.addTask {
                await raw.closed()
                return true
            }
            // Only the input's task may end without ending the session: a client that has closed its side still reads.
            for await endsSession in group where endsSession { break }
            group.cancelAll()
            await raw.close()
        }
        await streams.detach()
    }

    private func sendOutput() async {
        await raw.headIsRead()
        do {
            for try await chunk in streams.output { try await raw.write(framing.frame(chunk)) }
            // One who has left does not ask for the exit code.
            if waitsForExit, !Task.isCancelled { await streams.finished() }
        } catch {
            logger.debug("output to a client ended", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: Whether the user has detached.
    private func receiveInput() async -> Bool {
        var filter = detachKeys.map(DetachFilter.init)
        do {
            for try await bytes in raw.input where takesInput {
                guard let (output, detaches) = filter?.pass(bytes.readableBytesView) else {
                    try await streams.write(bytes)
                    continue
                }
                if !output.isEmpty { try await streams.write(ByteBuffer(bytes: output)) }
                if detaches { return true }
            }
        } catch {
            logger.debug("input from a client ended", metadata: ["error": "\(error)"])
        }
        if takesInput, !Task.isCancelled { await streams.closeInput() }
        return false
    }
}
