/// Where the dashboard listens: a pure decision.
package struct ListenerPlan: Sendable, Equatable {
    /// A host, without brackets, and a port.
    package struct Place: Sendable, Equatable, Hashable {
        package var host: String
        package var port: Int
        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        var isLoopback: Bool { host == "::1" || host == "localhost" || host.hasPrefix("127.") }
        var isWildcard: Bool { ["", "0.0.0.0", "::"].contains(host) }
        /// As in a URL.
        var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    package static let port = 2378

    /// Reads `--dashboard-addr`: `off`, nothing for the manager's address, `host:port`, `:port` or a host.
    /// - Returns: The place; `nil` for the manager's address. No value at all for `off`, see `isOff`.
    /// - Throws: ``DashboardError`` with `.badRequest` for what is none of these.
    package static func place(from option: String) throws -> Place? {
        guard !option.isEmpty else { return nil }
        var host = option[...]
        var number = String(port)
        let colons = option.count { $0 == ":" }
        if option.hasPrefix("["), let end = option.firstIndex(of: "]") {
            host = option[option.index(after: option.startIndex)..<end]
            let rest = option[option.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw DashboardError(.badRequest) }
            if !rest.isEmpty { number = String(rest.dropFirst()) }
        } else if colons == 1, let colon = option.firstIndex(of: ":") {
            host = option[..<colon]
            number = String(option[option.index(after: colon)...])
        }
        guard let port = Int(number), (1...65535).contains(port) else { throw DashboardError(.badRequest) }
        return Place(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
    }

    /// Until there is an account nobody but this machine gets at it: whoever came first would otherwise be its owner.
    ///
    /// - Parameters:
    ///   - asked: What the option says; `nil`: the manager's address.
    ///   - advertised: The manager's host; `nil` while the node manages nothing, and then nothing is served.
    package static func places(asked: Place?, advertised: String?, hasAccounts: Bool) -> [Place] {
        guard let advertised else { return [] }
        let wanted = asked ?? Place(host: advertised, port: port)
        let home = Place(
            host: wanted.host.contains(":") && wanted.isLoopback ? wanted.host : "127.0.0.1", port: wanted.port)
        guard hasAccounts, !wanted.isLoopback else { return [wanted.isLoopback ? wanted : home] }
        return wanted.isWildcard ? [wanted] : [home, wanted]
    }
}
