import Glibc
import LinuxSystem
import Testing

@Suite struct MemoryTests {
    /// Resident pages, in bytes: proc(5), `statm`.
    private func resident() throws -> Int {
        let fields = try #require(try Files.text("/proc/self/statm")).split(separator: " ")
        return try #require(Int(fields[1])) * Int(getpagesize())
    }

    @Test func `what a burst of work has freed goes back to the kernel`() async throws {
        let before = try resident()
        // Small pieces, of which every thousandth stays: no heap has its end free.
        var pieces = (0..<100_000).compactMap { _ in malloc(1_000) }
        for piece in pieces { memset(piece, 1, 1_000) }
        let most = try resident()
        #expect(most - before > 50_000_000)
        for (index, piece) in pieces.enumerated() where index % 1_000 != 0 { free(piece) }
        pieces = pieces.enumerated().filter { $0.offset % 1_000 == 0 }.map(\.element)
        defer { for piece in pieces { free(piece) } }
        // Without this nobody would give it back.
        #expect(Memory.freedBytes > 50_000_000)
        try await Memory.giveBack()
        #expect(try most - resident() > 50_000_000)
    }
}
