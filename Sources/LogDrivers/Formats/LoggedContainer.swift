import EngineInterface
import Model

/// What drivers say of a container besides its lines.
struct LoggedContainer: Sendable, Equatable {
    var origin: LogOrigin
    /// The node's.
    var hostname: String
    var tag: String
    /// Labels and variables that the options name.
    var attributes: [String: String]

    init(origin: LogOrigin, hostname: String, tag: String, attributes: [String: String] = [:]) {
        self.attributes = attributes
        self.hostname = hostname
        self.origin = origin
        self.tag = tag
    }

    /// - Throws: what is wrong with the tag's template, or with a pattern.
    init(_ options: LogDriverOptions, _ origin: LogOrigin, _ host: LogHost) throws(LogOptionError) {
        self.init(
            origin: origin, hostname: host.name, tag: try LogTag.render(options, origin, host),
            attributes: try options.extras(of: origin))
    }
}
