import Synchronization

/// How a node's resolvers have answered since the daemon has started. Counted in the way of each query: an addition, and no lock.
package final class QueryCounts: Sendable {
    /// Who had the answer.
    package enum Origin: String, Sendable, CaseIterable {
        /// This node, of what it knows.
        case node
        /// A server that it was asked of.
        case upstream
    }

    /// What an answer says of itself (RFC 1035 §4.1.1), as programs spell it.
    package enum Code: String, Sendable, CaseIterable {
        case noError = "noerror"
        case formatError = "formerr"
        case serverFailure = "servfail"
        case nameError = "nxdomain"
        case notImplemented = "notimp"
        case refused
        /// Any that is defined since.
        case other

        init(_ octets: some Collection<UInt8>) {
            self =
                switch octets.dropFirst(3).first.map({ $0 & 0x0f }) {
                case 0: .noError
                case 1: .formatError
                case 2: .serverFailure
                case 3: .nameError
                case 4: .notImplemented
                case 5: .refused
                default: .other
                }
        }
    }

    /// One number, which any thread adds to.
    private final class Cell: Sendable {
        private let count = Atomic<UInt64>(0)
        func add(_ more: UInt64) { count.wrappingAdd(more, ordering: .relaxed) }
        var value: UInt64 { count.load(ordering: .relaxed) }
    }

    private struct Cells: Sendable {
        let noError = Cell()
        let formatError = Cell()
        let serverFailure = Cell()
        let nameError = Cell()
        let notImplemented = Cell()
        let refused = Cell()
        let other = Cell()

        func cell(_ code: Code) -> Cell {
            switch code {
            case .noError: noError
            case .formatError: formatError
            case .serverFailure: serverFailure
            case .nameError: nameError
            case .notImplemented: notImplemented
            case .refused: refused
            case .other: other
            }
        }
    }

    private let node = Cells()
    private let upstream = Cells()
    private let waited = Cell()

    package init() {}

    /// Counts an answer; one that is none is not counted.
    func note(_ answer: [UInt8]?, from origin: Origin) {
        guard let answer else { return }
        cells(origin).cell(Code(answer)).add(1)
    }

    /// Counts time for which a query waited for an upstream.
    func noteWait(nanoseconds: Int64) { waited.add(UInt64(clamping: nanoseconds)) }

    /// Answers.
    package func count(_ origin: Origin, _ code: Code) -> UInt64 { cells(origin).cell(code).value }

    /// For which queries have waited for upstreams, all together.
    package var waitedNanoseconds: UInt64 { waited.value }

    private func cells(_ origin: Origin) -> Cells {
        switch origin {
        case .node: node
        case .upstream: upstream
        }
    }
}
