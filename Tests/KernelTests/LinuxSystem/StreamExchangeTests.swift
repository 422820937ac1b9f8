import Addressing
import Glibc
import LinuxSystem
import TestKit
import Testing

@Suite struct StreamExchangeTests {
    private static let request = Array("GET / HTTP/1.0\r\n\r\n".utf8)
    private static let most = 1 << 20

    /// A Unix socket and one of the internet, one after the other, at which one call is answered.
    private func withServers(
        _ answer: @escaping @Sendable (CInt) -> Void, calling body: (StreamPlace) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let loopback = IPAddress.v4(IPv4Address(number: 0x7f00_0001))
            for place in [
                StreamPlace.unix("\(directory)/socket"), .internet(InternetSocketAddress(loopback, port: 0)),
            ] {
                let listener = try listen(at: place, queue: 4)
                defer { close(listener) }
                var called = place
                if case .internet = place { called = .internet(try InternetSocketAddress(of: listener)) }
                async let served: Void = onThread {
                    let connection = try check(accept(listener, nil, nil), "accept")
                    answer(connection)
                    close(connection)
                }
                try await body(called)
                try await served
            }
        }
    }

    /// One that accepts for ten seconds at most; the caller closes it.
    private func listen(at place: StreamPlace, queue: CInt) throws -> CInt {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(place.family, type, 0), "open a socket"))
        let raw = socket.raw
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        try check(
            setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)), "set a time limit")
        try check(try place.withPointer { bind(raw, $0, $1) }, "bind to \(place)")
        try check(Glibc.listen(raw, queue), "listen on \(place)")
        return socket.release()
    }

    /// What a call is refused with.
    private func refusal(at place: StreamPlace, within limit: Duration = .seconds(1)) async -> SystemError? {
        let error = await #expect(throws: SystemError.self) {
            try await onThread {
                try StreamExchange.run(Self.request, at: place, within: limit, most: Self.most)
            }
        }
        return error
    }

    @Test func `an answer is read to its end, however it comes`() async throws {
        try await withServers { connection in
            var asked = [UInt8](repeating: 0, count: 100)
            guard recv(connection, &asked, asked.count, 0) == Self.request.count else { return }
            let piece = [UInt8](repeating: 7, count: 100_000)
            for _ in 0..<5 { send(connection, piece, piece.count, CInt(MSG_NOSIGNAL)) }
        } calling: { place in
            let answer = try await onThread {
                try StreamExchange.run(Self.request, at: place, within: .seconds(20), most: Self.most)
            }
            #expect(answer == [UInt8](repeating: 7, count: 500_000))
        }
    }

    @Test func `an answer that comes bit by bit has the same time as another`() async throws {
        try await withServers { connection in
            // Ten seconds, unless the other end has gone.
            for _ in 0..<500 {
                if send(connection, [7], 1, CInt(MSG_NOSIGNAL)) < 0 { return }
                usleep(20_000)
            }
        } calling: { place in
            #expect(await refusal(at: place)?.errno == ETIMEDOUT)
        }
    }

    @Test func `an answer without end is given up`() async throws {
        try await withServers { connection in
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            while send(connection, piece, piece.count, CInt(MSG_NOSIGNAL)) >= 0 {}
        } calling: { place in
            #expect(await refusal(at: place, within: .seconds(60))?.errno == EFBIG)
        }
    }

    @Test func `who does not answer, or not even accept, is waited for no longer`() async throws {
        try await withTemporaryDirectory { directory in
            let place = StreamPlace.unix("\(directory)/socket")
            let listener = try listen(at: place, queue: 0)
            defer { close(listener) }
            // The first fills the queue.
            let first = await refusal(at: place)
            #expect(first?.errno == ETIMEDOUT && first?.attempting.hasPrefix("receive") == true)
            let second = await refusal(at: place)
            #expect(second?.errno == ETIMEDOUT && second?.attempting.hasPrefix("connect") == true)
            #expect(await refusal(at: .unix("\(directory)/nobody"))?.errno == ENOENT)
            #expect(await refusal(at: .unix(String(repeating: "a", count: 200)))?.errno == ENAMETOOLONG)
        }
    }
}
