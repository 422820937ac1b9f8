package import EngineInterface

/// The drivers that there are, by name.
package enum DriverTable {
    static let drivers: [any LogDriver.Type] = [
        AWSLogsDriver.self, ElasticsearchDriver.self, FluentdDriver.self, GelfDriver.self, JournaldDriver.self,
        LokiDriver.self, OTLPDriver.self, SplunkDriver.self, SyslogDriver.self,
    ]

    /// Of all drivers that send lines somewhere, in alphabetical order.
    package static let names: [String] = drivers.map { $0.name }.sorted()

    /// - Returns: `nil` when there is no driver of the name.
    package static func make(_ name: String, _ options: [String: String], host: LogHost) throws(LogOptionError)
        -> (any LogDriver)?
    {
        guard let type = drivers.first(where: { $0.name == name }) else { return nil }
        return try type.init(LogDriverOptions(driver: name, values: options), host: host)
    }
}
