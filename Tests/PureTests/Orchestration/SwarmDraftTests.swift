import Model
import Orchestration
import StateStore
import Testing

/// How a plan is cut into transactions.
@Suite struct SwarmDraftTests {
    @Test(arguments: [(130, 10), (130, 40_000), (5, 800_000)])
    func `no transaction is larger than the store takes, and nothing is left out`(count: Int, bytes: Int) throws {
        var draft = SwarmDraft(SwarmState(), now: Timestamp(seconds: 1))
        for number in 0..<count {
            var task = SwarmTask(id: "task\(number)")
            task.spec.containerSpec = ContainerSpec()
            task.spec.containerSpec?.image = String(repeating: "x", count: bytes)
            draft.put(task)
        }
        let fence = LeaderFence(role: "any", revision: 1)
        let transactions = try draft.transactions(under: fence).map(\.transaction)
        for transaction in transactions {
            try transaction.validate()
            #expect(transaction.conditions.first == fence.condition)
            #expect(transaction.conditions.count == transaction.puts.count + 1)
        }
        #expect(Set(transactions.flatMap(\.puts).map(\.key)).count == count)
    }
}
