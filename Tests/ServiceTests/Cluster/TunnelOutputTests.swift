import EngineInterface
import Foundation
import NIOCore
import NodeProtocol
import Testing

@Suite struct TunnelOutputTests {
    private func chunk(_ count: Int) -> OutputChunk {
        OutputChunk(stream: .standardOutput, bytes: ByteBuffer(repeating: 7, count: count))
    }

    @Test func `a chunk is cut when no message has room for it, and not for what is before it`() {
        let most = Wire.pieceBytes
        let messages = Wire.TunnelOutput.messages([chunk(most - 100), chunk(200), chunk(most), chunk(2 * most)])
        #expect(messages.map { $0.chunks.map(\.bytes.count) } == [[most - 100], [200], [most], [most], [most]])
        #expect(Wire.TunnelOutput.messages([]).isEmpty)
        let small = Wire.TunnelOutput.messages(Array(repeating: chunk(0), count: most / 16 + 1))
        #expect(small.count == 2 && small.map(\.chunks.count) == [most / 16, 1])
    }
}
