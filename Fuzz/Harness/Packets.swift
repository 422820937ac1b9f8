import ESPControl
import Glibc

@testable import ESP

/// What the process that encrypts gets: packets from the wire and from containers, and messages of its socket.
enum Packets {
    static func control(_ input: [UInt8]) {
        if let message = try? DaemonMessage(decoding: input[...]) {
            // What was understood can be said again, and means the same.
            Harness.demand((try? DaemonMessage(decoding: message.encoded[...])) == message, "another message")
            if case .whole(_, let state) = message {
                Harness.demand(state.changes(to: state).isEmpty, "a state differs from itself")
            }
        }
        if let message = try? EngineMessage(decoding: input[...]) { _ = message.encoded }
        var frame = ControlFrame()
        for piece in input.pieces {
            frame.append(piece)
            while let message = try? frame.next() { Harness.demand(message.count <= input.count, "more than there is") }
        }
    }

    /// The first byte chooses: opened packets as they come from the wire, or what a device gives.
    static func esp(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 2)
        // Copies of exactly the room that is asked for, so that what reads on is found.
        if kind == 0 {
            var coalescer = Coalescer()
            var writer = Written()
            var rooms: [UnsafeMutableRawBufferPointer] = []
            for piece in Array(rest).pieces.prefix(64) where piece.count >= ESPLayout.shortest - ESPLayout.header {
                let room = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 8)
                room.copyBytes(from: piece)
                rooms.append(room)
                guard let inner = room.baseAddress,
                    let contents = Encapsulation.contents(inner, body: piece.count - ESPLayout.icv)
                else { continue }
                let frame = inner + ESPLayout.prefix
                guard CongestionMarks.admit(frame, contents.length, outer: Int(piece.first ?? 0) & 3) else { continue }
                coalescer.add(frame, contents.length, network: 0, into: &writer)
            }
            coalescer.flushAll(into: &writer)
            for room in rooms { room.deallocate() }
            return
        }
        guard rest.count >= ESPLayout.vnetHeader else { return }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 + rest.count + 16, alignment: 8)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Segmenter.longestHeaders, alignment: 8)
        defer {
            room.deallocate()
            scratch.deallocate()
        }
        UnsafeMutableRawBufferPointer(rebasing: room[64...]).copyBytes(from: rest)
        guard let start = room.baseAddress, let header = scratch.baseAddress else { return }
        var taken = Taken(limit: rest.count)
        let count = rest.count - ESPLayout.vnetHeader
        let frame = start + 64 + ESPLayout.vnetHeader
        if let question = NeighbourAnswers.question(frame, count) {
            let answer = UnsafeMutableRawBufferPointer.allocate(byteCount: NeighbourAnswers.longest, alignment: 8)
            if let place = answer.baseAddress {
                _ = NeighbourAnswers.write(place, to: frame, question: question, from: 1)
            }
            answer.deallocate()
        }
        _ = CongestionMarks.inner(frame, count)
        _ = Segmenter.cut(start + 64, count: count, scratch: header, into: &taken)
    }

    private struct Written: FrameWriter {
        mutating func write(_ vectors: UnsafePointer<iovec>, _ count: Int, network: Int, frames: Int) {
            let all = UnsafeBufferPointer(start: vectors, count: count).reduce(0) { $0 + $1.iov_len }
            Harness.demand(all <= ESPLayout.vnetHeader + 65_535 && count == frames, "a frame of \(all) bytes")
        }
    }

    private struct Taken: FrameTaker {
        let limit: Int

        mutating func take(_ frame: PacketBytes, _ count: Int) {
            Harness.demand(count <= limit, "a segment of \(count) bytes")
            // What sealing writes around it.
            (frame - ESPLayout.prefix).putLong(0, 0)
            (frame + count).putLong(0, 0)
        }
    }
}
