import Concurrency
import Model
import NodeProtocol

/// What has arrived from a manager and has not been taken yet: what arrives while the engine is busy is taken together.
final class AssignmentInbox: Sendable {
    /// One change, with what came with it and cannot be read.
    struct Item: Sendable {
        var content: AssignmentReader.Item
        var unread: [UnreadRecord]
    }

    /// With more than this the stream is not read on, and the manager keeps the rest.
    static let maximum = 64

    private let items = ObservableValue<[Item]>([])

    /// Waits while there is no room.
    /// - Throws: `CancellationError`.
    func put(_ item: Item) async throws {
        try await items.wait { $0.count < Self.maximum ? true : nil }
        items.change { $0.append(item) }
    }

    /// Everything that has arrived; waits for something.
    /// - Throws: `CancellationError`.
    func take() async throws -> [Item] {
        let all = try await items.wait { $0.isEmpty ? nil : $0 }
        // Only more may have come meanwhile: one takes, one puts.
        items.change { $0 = Array($0.dropFirst(all.count)) }
        return all
    }
}
