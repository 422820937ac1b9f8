package import Model

/// The body of `POST /exec/{id}/start`.
package struct ExecStartRequest: Codable, Sendable, Equatable {
    @Zero package var detach: Bool
    @Zero package var tty: Bool
    /// Height and width.
    package var consoleSize: [Int]?
    package init() {}
}

/// The body of `POST /networks/{id}/connect`.
package struct NetworkConnectRequest: Codable, Sendable, Equatable {
    @Zero package var container: String
    package var endpointConfig: EndpointSettings?
    package init() {}
}

/// The body of `POST /networks/{id}/disconnect`.
package struct NetworkDisconnectRequest: Codable, Sendable, Equatable {
    @Zero package var container: String
    @Zero package var force: Bool
    package init() {}
}
