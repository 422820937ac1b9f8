package import EngineInterface
package import Faults
package import Foundation
import Model
import NIOCore
import NIOFoundationCompat
import SwiftProtobuf

extension Wire.LogsQuestion {
    package init(_ query: LogQuery) {
        self.init()
        details = query.details
        follow = query.follow
        if let bound = query.since { since = bound.clampedNanosecondsSinceEpoch }
        standardError = query.standardError
        standardOutput = query.standardOutput
        tail = query.tail.map { Int64(clamping: $0) } ?? -1
        timestamps = query.timestamps
        if let bound = query.until { until = bound.clampedNanosecondsSinceEpoch }
    }

    package var query: LogQuery {
        var query = LogQuery()
        query.details = details
        query.follow = follow
        query.since = hasSince ? Timestamp(nanosecondsSinceEpoch: since) : nil
        query.standardError = standardError
        query.standardOutput = standardOutput
        query.tail = tail < 0 ? nil : Int(clamping: tail)
        query.timestamps = timestamps
        query.until = hasUntil ? Timestamp(nanosecondsSinceEpoch: until) : nil
        return query
    }
}

extension Wire.AttachQuestion {
    package init(_ query: AttachQuery) {
        self.init()
        logs = query.logs
        standardError = query.standardError
        standardInput = query.standardInput
        standardOutput = query.standardOutput
        stream = query.stream
    }

    package var query: AttachQuery {
        var query = AttachQuery()
        query.logs = logs
        query.standardError = standardError
        query.standardInput = standardInput
        query.standardOutput = standardOutput
        query.stream = stream
        return query
    }
}

extension Wire.TunnelExit {
    package init(_ result: ExitResult) {
        self.init()
        statusCode = Int64(clamping: result.statusCode)
        if let text = result.error { error = text }
    }

    package var result: ExitResult {
        ExitResult(statusCode: Int(clamping: statusCode), error: hasError ? error : nil)
    }
}

extension Wire.ExecStreamsAnswer {
    package init(_ streams: RequestedExecStreams) {
        self.init()
        detachKeys = streams.detachKeys
        isTerminal = streams.isTerminal
        wantsInput = streams.wantsInput
    }

    package var streams: RequestedExecStreams {
        RequestedExecStreams(isTerminal: isTerminal, wantsInput: wantsInput, detachKeys: detachKeys)
    }
}

extension Wire.TunnelOutput {
    /// Puts output into messages of at most ``Wire/pieceBytes`` each. A chunk that is longer is cut, which readers of streams do not see; no other is, since
    /// a chunk of a log is a line.
    package static func messages(_ chunks: [OutputChunk]) -> [Wire.TunnelOutput] {
        var messages: [Wire.TunnelOutput] = []
        var last = Wire.TunnelOutput()
        var room = Wire.pieceBytes
        for var chunk in chunks {
            let length = chunk.bytes.readableBytes
            repeat {
                if room == 0 || room < length && length <= Wire.pieceBytes {
                    messages.append(last)
                    (last, room) = (Wire.TunnelOutput(), Wire.pieceBytes)
                }
                let count = min(room, chunk.bytes.readableBytes)
                let bytes = chunk.bytes.readSlice(length: count) ?? ByteBuffer()
                last.chunks.append(
                    .with {
                        $0.stream = UInt32(clamping: chunk.stream.rawValue)
                        $0.bytes = Data(buffer: bytes)
                    })
                // Many small ones are bounded as well.
                room = max(0, room - count - Self.chunkOverhead)
            } while chunk.bytes.readableBytes > 0
        }
        if !last.chunks.isEmpty { messages.append(last) }
        return messages
    }

    private static let chunkOverhead = 16

    /// `nil` when it names a stream that there is not.
    package var output: [OutputChunk]? {
        var output: [OutputChunk] = []
        for chunk in chunks {
            guard let stream = UInt8(exactly: chunk.stream).flatMap(OutputChunk.Stream.init(rawValue:)) else {
                return nil
            }
            output.append(OutputChunk(stream: stream, bytes: ByteBuffer(data: chunk.bytes)))
        }
        return output
    }
}

extension Wire.TunnelPiece {
    /// Puts an answer into pieces.
    package static func pieces(_ bytes: Data) -> [Wire.TunnelPiece] {
        var pieces: [Wire.TunnelPiece] = []
        var rest = bytes
        repeat {
            let piece = Data(rest.prefix(Wire.pieceBytes))
            rest = Data(rest.dropFirst(Wire.pieceBytes))
            pieces.append(
                .with {
                    $0.bytes = piece
                    $0.more = !rest.isEmpty
                })
        } while !rest.isEmpty
        return pieces
    }
}

/// A container's processes as `ps` shows them.
package struct RemoteProcesses: Codable, Sendable, Equatable {
    /// One a column.
    package var titles: [String]
    /// Cells of each row.
    package var processes: [[String]]

    package init(titles: [String], processes: [[String]]) {
        self.processes = processes
        self.titles = titles
    }
}

extension Wire.TunnelFailure {
    /// - Parameter message: What the client is to read.
    package init(_ error: any Error, message: String) {
        self.init()
        kind = ((error as? any Fault)?.kind ?? .internalError).rawValue
        self.message = message
        if case .notFound = error as? ContainerError { isUnknownContainer = true }
        if case .notFound = error as? ExecError { isUnknownExec = true }
    }

    package var faultKind: FaultKind { FaultKind(rawValue: kind) ?? .internalError }
}
