/// Goes through a batch's requests, and through halves of those that a receiver does not want: until it is known of each line whether it was taken.
///
/// Pure but for what `send` does.
struct HTTPDelivery {
    /// More answers of that kind for one batch are no matter of single lines: the rest is sent again later.
    private static let mostUnwanted = 64

    private let batch: LogBatch
    private var outcomes: [LineOutcome]
    private var unwanted = 0

    init(_ batch: LogBatch) {
        self.batch = batch
        outcomes = Array(repeating: .again, count: batch.items.count)
    }

    /// - Parameter send: Throws when the connection is of no more use.
    mutating func run(
        shares: [[Int]], send: ([Int]) async throws -> (HTTPVerdict, Duration?)
    ) async throws -> BatchOutcome {
        // The next one last.
        var waiting = Array(shares.reversed())
        while let share = waiting.popLast() {
            guard !share.isEmpty else { continue }
            let (verdict, retryAfter) = try await send(share)
            switch verdict {
            case .accepted:
                for index in share { outcomes[index] = .accepted }
            case .lines(let answers):
                for (index, answer) in zip(share, answers) { outcomes[index] = answer }
            case .later(let reason):
                return ended(retryAfter: retryAfter, reason: reason)
            case .unwanted(let reason):
                unwanted += 1
                if unwanted > Self.mostUnwanted { return ended(retryAfter: retryAfter, reason: reason) }
                if share.count == 1, let index = share.first {
                    outcomes[index] = .refused(reason)
                } else {
                    waiting.append(Array(share.dropFirst(share.count / 2)))
                    waiting.append(Array(share.prefix(share.count / 2)))
                }
            }
        }
        return outcomes.allSatisfy { $0 == .accepted } ? .accepted : .mixed(outcomes)
    }

    private func ended(retryAfter: Duration?, reason: String) -> BatchOutcome {
        // A receiver that wants none of all the lines is asked for a thing that is in none of them: nothing is dropped for it.
        let isAnyTaken = outcomes.contains { $0 == .accepted }
        guard isAnyTaken else { return .later(retryAfter, reason: reason) }
        return .mixed(outcomes, retryAfter: retryAfter ?? .seconds(1))
    }
}
