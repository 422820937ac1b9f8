import Testing

@testable import ContainerRuntime

/// How large pipes become.
@Suite struct OutputPipeTests {
    @Test func `the first few are the largest, some more are large, and all others stay as they are`() {
        let sizes = (0..<20).map { OutputPipes.bytes(besides: $0, limit: nil) }
        #expect(sizes.prefix(4).allSatisfy { $0 == 8 << 20 })
        #expect(sizes[4..<16].allSatisfy { $0 == 1 << 20 })
        #expect(sizes[16...].allSatisfy { $0 == nil })
        // pipe-user-pages-soft, and root has other pipes, too.
        #expect(sizes.reduce(0) { $0 + ($1 ?? 0) } < 48 << 20)
    }

    @Test func `a pipe is a small part of what its container may have`() {
        #expect(OutputPipes.bytes(besides: 0, limit: 512 << 20) == 8 << 20)
        #expect(OutputPipes.bytes(besides: 0, limit: 100 << 20) == 1 << 20)
        #expect(OutputPipes.bytes(besides: 9, limit: 32 << 20) == 512 << 10)
        #expect(OutputPipes.bytes(besides: 0, limit: 6 << 20) == nil)
        #expect(OutputPipes.bytes(besides: 0, limit: 0) == nil)
    }
}
