import Synchronization

/// Compresses bodies of one destination, one after another.
final class HTTPBody: Sendable {
    private let deflater: Mutex<Deflater?>

    /// - Parameter level: As ``Deflater`` takes it; `nil` leaves bodies as they are.
    init(level: Int?) {
        deflater = Mutex(level.flatMap { Deflater(.gzip, level: $0) })
    }

    /// The body as it is sent, and the headers that say so.
    func packed(_ body: [UInt8]) -> (body: [UInt8], headers: [(name: String, value: String)]) {
        let compressed = deflater.withLock { deflater in
            switch deflater {
            case .some(let deflater): deflater.compress(body)
            case .none: [UInt8]?.none
            }
        }
        guard let compressed else { return (body, []) }
        return (compressed, [("Content-Encoding", "gzip")])
    }
}
