import LocalStore

/// Where containers' records are kept.
protocol ContainerStore: Sendable {
    func loadContainers() async throws -> [ContainerRecord]
    /// - Parameter durably: Whether it must survive a power cut.
    func save(_ record: ContainerRecord, durably: Bool) async throws
    func deleteContainer(_ id: String, durably: Bool) async throws
}

extension NodeStore: ContainerStore {
    func loadContainers() async throws -> [ContainerRecord] {
        try await restore(ContainerRecord.self, kind: .containers).map(\.value)
    }

    func save(_ record: ContainerRecord, durably: Bool) async throws {
        _ = try await save(record, kind: .containers, id: record.id, durably: durably)
    }

    func deleteContainer(_ id: String, durably: Bool) async throws {
        _ = try await delete(kind: .containers, id: id, durably: durably)
    }
}
