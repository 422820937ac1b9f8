package import EngineInterface
import Glibc

/// systemd's journal, on this node.
package struct JournaldDriver: LogDriver {
    package static let name = "journald"
    package static let optionNames: Set<String> = []

    private let options: LogDriverOptions
    private let host: LogHost
    private let path: String

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        try self.init(options, host: host, path: JournaldTransport.usualPath)
    }

    /// - Parameter path: Of journald's socket.
    package init(_ options: LogDriverOptions, host: LogHost, path: String) throws(LogOptionError) {
        try options.checkNames(Self.optionNames)
        self.host = host
        self.options = options
        self.path = path
    }

    package func checkNode() throws(LogOptionError) {
        guard access(path, W_OK) == 0 else { throw .notOnThisHost(driver: Self.name) }
    }

    package var destination: String { "\(Self.name) \(path)" }

    package var shownAddress: String { path }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        JournalEncoder(try LoggedContainer(options, origin, host))
    }

    package func makeTransport() -> any LogTransport { JournaldTransport(path: path) }
}
