import Glibc
import Testing

@testable import ContainerRuntime

/// How large pipes become.
@Suite struct OutputPipeTests {
    @Test func `the first few are the largest, some more are large, and all others stay as they are`() {
        let megabyte: CInt = 1 << 20
        let sizes: [CInt?] = (0..<20).map { OutputPipes.bytes(at: $0, limit: nil) }
        let largest: [CInt?] = Array(repeating: 8 * megabyte, count: 4)
        let large: [CInt?] = Array(repeating: megabyte, count: 12)
        let others: [CInt?] = Array(repeating: nil, count: 4)
        #expect(sizes == largest + large + others)
        // pipe-user-pages-soft, and root has other pipes, too.
        let (sum, most): (CInt, CInt) = (sizes.compactMap { $0 }.reduce(0, +), 48 * megabyte)
        #expect(sum < most)
    }

    @Test func `a pipe is a small part of what its container may have`() {
        #expect(OutputPipes.bytes(at: 0, limit: 512 << 20) == 8 << 20)
        #expect(OutputPipes.bytes(at: 0, limit: 100 << 20) == 1 << 20)
        #expect(OutputPipes.bytes(at: 9, limit: 32 << 20) == 512 << 10)
        #expect(OutputPipes.bytes(at: 0, limit: 6 << 20) == nil)
        #expect(OutputPipes.bytes(at: 0, limit: 0) == nil)
    }

    private let now = ContinuousClock.now

    private func owner(_ number: Int) -> PipePlaces.Owner {
        PipePlaces.Owner(id: "c\(number)", pid: pid_t(100 + number), startTime: UInt64(number))
    }

    @Test func `places are taken from the largest on, and nobody is driven out who came just now`() {
        var places = PipePlaces()
        let numbers = (0..<16).map { places.take(for: owner($0), .output, now: now)?.number }
        #expect(numbers == Array(0..<16))
        let early = places.take(for: owner(16), .output, now: now + .seconds(9))
        #expect(early?.number == nil)
        places.leave("c3")
        let later = places.take(for: owner(16), .output, now: now + .seconds(9))
        #expect(later?.number == 3)
    }

    @Test func `who floods keeps its place, who is idle gives it up with both its pipes`() throws {
        var places = PipePlaces()
        for number in 0..<16 { _ = places.take(for: owner(number), .output, now: now) }
        let later = now + .seconds(20)
        _ = places.take(for: owner(1), .error, now: now)
        for number in 2..<16 {
            let isLarge = places.flooded("c\(number)", .output, now: later)
            #expect(isLarge)
        }
        let given = [20, 21].compactMap { places.take(for: owner($0), .output, now: later) }
        try #require(given.count == 2)
        #expect(Set(given.map { $0.former }) == [owner(0), owner(1)])
        #expect(given[0].streams.union(given[1].streams) == [.output, .error])
        let none = places.take(for: owner(22), .output, now: later)
        #expect(none?.number == nil)
        let isStillLarge = places.flooded("c0", .output, now: later)
        #expect(!isStillLarge)
    }

    @Test func `a stream that floods first is not taken for the other one, nor a life for the one before`() {
        var places = PipePlaces()
        _ = places.take(for: owner(0), .output, now: now)
        var known = [places.flooded("c0", .output, now: now), places.flooded("c0", .error, now: now)]
        #expect(known == [true, false])
        let same = places.take(for: owner(0), .error, now: now)
        #expect(same?.number == 0)
        known = [places.flooded("c0", .error, now: now)]
        #expect(known == [true])
        var next = owner(0)
        next.pid = 7
        let again = places.take(for: next, .output, now: now)
        #expect(again?.number == 0 && again?.former == nil)
        known = [places.flooded("c0", .error, now: now)]
        #expect(known == [false])
    }
}
