import Model

extension PortError: MessageConvertible {
    var message: String {
        switch self {
        case .notPublished(let endpoint, let id, let reason):
            "driver failed programming external connectivity on endpoint \(endpoint) (\(id)): \(reason.message)"
        }
    }
}

extension PortRefusal: MessageConvertible {
    var message: String {
        switch self {
        case .noneFree:
            "all ports are allocated"
        case .allocated(let address, let port):
            "Bind for \(address):\(port) failed: port is already allocated"
        case .notBound(let address, let port, let target, let targetPort, let transport, let reason):
            "failed to bind host port for \(address):\(port):\(target):\(targetPort)/\(transport): \(reason.message)"
        }
    }
}

extension BindRefusal: MessageConvertible {
    var message: String {
        switch self {
        case .addressInUse:
            "address already in use"
        case .addressNotAvailable:
            "cannot assign requested address"
        }
    }
}
