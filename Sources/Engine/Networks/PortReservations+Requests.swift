package import Addressing
import DataPlane
package import Model

extension PortReservations {
    /// A request for a port: `first` to `last`, 0 for any.
    package struct Request: Sendable, Equatable {
        package var transport: TransportProtocol
        /// An unspecified one stands for every address of its family; `nil` for all of IPv4's.
        package var hostAddress: IPAddress?
        /// The lowest port that will do; 0 for any of ``PortReservations/choice``.
        package var first: UInt16
        /// The highest.
        package var last: UInt16
        package var targetAddress: IPAddress
        package var targetPort: UInt16
        /// How many ports in a row, from exactly the first on, each to the next one of the target's.
        package var count = 1
        /// Where the same port of all of IPv6's addresses leads; `nil`: nowhere.
        package var target6: IPAddress?
        /// Of several that will do, the one that is tried first.
        package var kept: UInt16?

        package init(
            transport: TransportProtocol, hostAddress: IPAddress? = nil, first: UInt16, last: UInt16? = nil,
            targetAddress: IPAddress, targetPort: UInt16, target6: IPAddress? = nil, count: Int = 1
        ) {
            self.count = count
            self.transport = transport
            self.hostAddress = hostAddress
            self.target6 = target6
            self.first = first
            self.last = last ?? first
            self.targetAddress = targetAddress
            self.targetPort = targetPort
        }

        func ports(at number: UInt16) -> [HostPort] {
            let own = HostPort(
                PublishedPort(
                    transport: transport, hostAddress: hostAddress, hostPort: number, containerPort: targetPort,
                    count: count),
                to: targetAddress)
            guard let target6 else { return [own] }
            let other = PublishedPort(
                transport: transport, hostAddress: .unspecified(.v6), hostPort: number, containerPort: targetPort,
                count: count)
            return [own, HostPort(other, to: target6)]
        }

        /// The same as it is held: each of a row by itself, or a row of many; `nil` where there are fewer numbers than that.
        var parts: [Request]? {
            if count == 1 { return [self] }
            guard first > 0, count > 0, count <= 65_536 - Int(clamping: max(first, targetPort)) else { return nil }
            if count > PortReservations.mostHeld { return [self] }
            return (0..<UInt16(clamping: count)).map { offset in
                var one = self
                (one.first, one.last, one.count) = (first + offset, first + offset, 1)
                one.targetPort = targetPort + offset
                return one
            }
        }
    }
}
