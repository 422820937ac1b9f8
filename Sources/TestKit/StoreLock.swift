import GRDB

/// Keeps all others from writing to a store, as a backup does.
package final class StoreLock: Sendable {
    private let queue: DatabaseQueue

    package init(_ path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inDatabase { try $0.beginTransaction(.immediate) }
    }

    package func release() throws { try queue.inDatabase { try $0.rollback() } }
}
