import Addressing
import Faults
import Model

@testable import DockerMessages

extension SentenceTests {
    private static func refused(_ reason: PortRefusal, _ words: String) -> Row {
        Row(
            PortError.notPublished(endpoint: "endpoint", id: "id", reason: reason), .internalError,
            "driver failed programming external connectivity on endpoint endpoint (id): \(words)")
    }

    private static func notBound(_ transport: TransportProtocol, _ reason: BindRefusal) -> PortRefusal {
        .notBound(
            address: IPAddress(192, 0, 2, 1), port: 8080, target: IPAddress(172, 17, 0, 2), targetPort: 80,
            transport: transport, reason: reason)
    }

    static let ports: [Row] = [
        refused(.noneFree, "all ports are allocated"),
        refused(
            .allocated(address: .unspecified(.v4), port: 8080),
            "Bind for 0.0.0.0:8080 failed: port is already allocated"),
        refused(
            notBound(.tcp, .addressInUse),
            "failed to bind host port for 192.0.2.1:8080:172.17.0.2:80/tcp: address already in use"),
        refused(
            notBound(.udp, .addressNotAvailable),
            "failed to bind host port for 192.0.2.1:8080:172.17.0.2:80/udp: cannot assign requested address"),
    ]
}
