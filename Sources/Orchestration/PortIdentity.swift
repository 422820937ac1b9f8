import Model

/// What two published ports may not have in common where they would meet.
struct PortIdentity: Hashable {
    let transport: TransportProtocol?
    /// 0 for one that is still to be chosen.
    let number: Int

    init(transport: TransportProtocol?, number: Int) {
        self.transport = transport
        self.number = number
    }

    init(_ port: PortConfig) { self.init(transport: port.transport, number: port.publishedPort ?? 0) }
}
