import GRDB

/// Keeps all others from writing to a store, as a backup does.
package final class StoreLock: Sendable {
    private let queue: DatabaseQueue

    /// Takes the lock on the store of that file.
    /// - Throws: SQLite's error when another has it.
    package init(_ path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inDatabase { try $0.beginTransaction(.immediate) }
    }

    /// Lets others go on; once.
    package func release() throws { try queue.inDatabase { try $0.rollback() } }
}
