package import Logs
package import Model

/// A container whose lines are to be shipped: all that must be known of it, also when the container itself is gone.
package struct ShippedLog: VersionedRecord, Equatable {
    package static let recordKind = "shipped-log"
    package static let recordVersion = 1

    package var driver: String
    /// `--log-opt`s by name.
    package var options: [String: String]
    package var origin: LogOrigin
    /// The file that conmon writes; others of the log are beside it.
    package var path: String

    package init(driver: String, options: [String: String], origin: LogOrigin, path: String) {
        self.driver = driver
        self.options = options
        self.origin = origin
        self.path = path
    }
}

/// Keeps how far each container's lines have been sent, over restarts of the daemon.
package protocol PositionKeeping: Sendable {
    /// By the containers' ids.
    func positions() async throws -> [String: LogPosition]
    /// `nil` takes one away.
    func save(_ positions: [String: LogPosition?]) async throws
}

/// What happens to lines on their way that somebody should hear of.
package enum ShippingNews: Sendable, Equatable {
    case down(containers: [String], driver: String, address: String, error: String)
    case up(containers: [String], driver: String, address: String)
    /// - lines: 0 where it is not known how many.
    case dropped(container: String, driver: String, lines: Int, reason: String)
    /// What a removed container has left cannot be read, and is kept under another name.
    case unread(UnreadRecord)
}
