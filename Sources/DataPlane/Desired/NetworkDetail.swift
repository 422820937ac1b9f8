package import Addressing
package import Model

/// Names a port of the mesh.
struct MeshPortKey: Hashable, Sendable {
    let transport: TransportProtocol
    let number: UInt16
}

extension MeshPort {
    var key: MeshPortKey { MeshPortKey(transport: transport, number: publishedPort) }
}

/// Something that is to be different within a part of a node's network, however much else is in the part.
enum NetworkDetail: Equatable, Sendable {
    /// Of an overlay, by its id.
    case overlay(String, Overlay)
    case ingress(MeshPortKey, Port)
    /// A VTEP, there or not.
    case peer(IPAddress, Bool)

    enum Overlay: Equatable, Sendable {
        case remote(RemoteEndpoint)
        case remoteRemoved(IPAddress)
        case reserved(IPAddress, Bool)
        /// A service's address, there or not.
        case service(IPAddress, Bool)
        /// A task behind a service's address, there or not.
        case backend(service: IPAddress, IPAddress, Bool)
    }

    enum Port: Equatable, Sendable {
        /// The port itself, there or not.
        case port(Bool)
        /// Where and how it answers.
        case reach(PortReach?)
        /// The last of a row that begins with it.
        case row(last: UInt16)
        case backend(MeshPort.Backend, Bool)
    }

    /// The part that it belongs to.
    var part: NetworkKey {
        switch self {
        case .overlay(let id, _): .overlay(id)
        case .ingress: .ingress
        case .peer: .underlay
        }
    }
}

/// Changes that cost what they change, and not what the part holds that they belong to. What belongs to a part that is not there is nothing: who
/// sets the part says everything anew. To say what is so already changes nothing.
extension NetworkChanges {
    /// An endpoint on another node; it replaces the one with the same first address.
    package mutating func setRemote(_ endpoint: RemoteEndpoint, in overlay: String) {
        add(.overlay(overlay, .remote(endpoint)))
    }

    /// By the endpoint's first address.
    package mutating func removeRemote(_ address: IPAddress, from overlay: String) {
        add(.overlay(overlay, .remoteRemoved(address)))
    }

    /// An address that is taken though no endpoint has it.
    package mutating func setReserved(_ address: IPAddress, in overlay: String) {
        add(.overlay(overlay, .reserved(address, true)))
    }

    /// The address may be used by who may use what is nobody's.
    package mutating func removeReserved(_ address: IPAddress, from overlay: String) {
        add(.overlay(overlay, .reserved(address, false)))
    }

    /// A service's address, that refuses as long as no task is behind it. Those that are there stay.
    package mutating func setService(_ address: IPAddress, in overlay: String) {
        add(.overlay(overlay, .service(address, true)))
    }

    /// Takes a service's address away, and what is behind it.
    package mutating func removeService(_ address: IPAddress, from overlay: String) {
        add(.overlay(overlay, .service(address, false)))
    }

    /// A task behind a service's address, which is there from now on if it was not.
    package mutating func setBackend(_ backend: IPAddress, of service: IPAddress, in overlay: String) {
        add(.overlay(overlay, .backend(service: service, backend, true)))
    }

    /// The service's address stays, and refuses when this was the last.
    package mutating func removeBackend(_ backend: IPAddress, of service: IPAddress, in overlay: String) {
        add(.overlay(overlay, .backend(service: service, backend, false)))
    }

    /// A port of the mesh, that refuses as long as no task is behind it. Those that are there stay.
    ///
    /// - Parameter last: Of a row of ports, each of which leads to the same number of a task.
    package mutating func setPort(
        _ transport: TransportProtocol, _ published: UInt16, reach: PortReach? = nil, last: UInt16? = nil
    ) {
        let key = MeshPortKey(transport: transport, number: published)
        add(.ingress(key, .port(true)))
        if let last { add(.ingress(key, .row(last: last))) }
        if reach != nil { add(.ingress(key, .reach(reach))) }
    }

    /// Takes a port of the mesh away, and what is behind it.
    package mutating func removePort(_ transport: TransportProtocol, _ published: UInt16) {
        add(.ingress(MeshPortKey(transport: transport, number: published), .port(false)))
    }

    /// A task behind a port of the mesh, which is there from now on if it was not.
    package mutating func setMeshBackend(
        _ backend: MeshPort.Backend, of transport: TransportProtocol, _ published: UInt16
    ) {
        add(.ingress(MeshPortKey(transport: transport, number: published), .backend(backend, true)))
    }

    /// The port stays, and refuses when this was the last.
    package mutating func removeMeshBackend(
        _ backend: MeshPort.Backend, of transport: TransportProtocol, _ published: UInt16
    ) {
        add(.ingress(MeshPortKey(transport: transport, number: published), .backend(backend, false)))
    }

    /// A node whose VXLAN is let in.
    package mutating func setPeer(_ address: IPAddress) { add(.peer(address, true)) }
    /// A node whose VXLAN is let in no more.
    package mutating func removePeer(_ address: IPAddress) { add(.peer(address, false)) }
}

extension NodeNetwork {
    /// Carries out a change within a part. Returns whether anything is different now.
    mutating func apply(_ detail: NetworkDetail) -> Bool {
        switch detail {
        case .overlay(let id, let change):
            guard let place = overlays.firstIndex(where: { $0.id == id }) else { return false }
            return overlays[place].apply(change)
        case .ingress(let key, let change):
            return ingress?.apply(change, at: key) ?? false
        case .peer(let address, true):
            return underlay?.peers.insert(address).inserted ?? false
        case .peer(let address, false):
            return underlay?.peers.remove(address) != nil
        }
    }
}

extension OverlayNetwork {
    fileprivate mutating func apply(_ change: NetworkDetail.Overlay) -> Bool {
        switch change {
        case .remote(let endpoint):
            guard let address = endpoint.addresses.primary else { return false }
            return remotes.updateValue(endpoint, forKey: address) != endpoint
        case .remoteRemoved(let address): return remotes.removeValue(forKey: address) != nil
        case .reserved(let address, true): return reserved.insert(address).inserted
        case .reserved(let address, false): return reserved.remove(address) != nil
        case .service(let address, true):
            if tasks[address] != nil { return false }
            tasks[address] = []
            return true
        case .service(let address, false): return tasks.removeValue(forKey: address) != nil
        case .backend(let service, let backend, true):
            // A new address is a change, even if its task were none.
            return Numbering.add(backend, to: &tasks[service, default: []])
        case .backend(let service, let backend, false):
            return tasks[service] == nil ? false : Numbering.remove(backend, from: &tasks[service, default: []])
        }
    }
}

extension IngressSandbox {
    fileprivate mutating func apply(_ change: NetworkDetail.Port, at key: MeshPortKey) -> Bool {
        let place = ports.firstIndex { $0.key == key }
        switch change {
        case .port(false):
            guard let place else { return false }
            ports.remove(at: place)
            return true
        case .port(true):
            if place != nil { return false }
            ports.append(MeshPort(transport: key.transport, publishedPort: key.number, backends: []))
            return true
        case .reach(let reach):
            guard let place, ports[place].reach != reach else { return false }
            ports[place].reach = reach
            return true
        case .row(let last):
            guard let place, ports[place].lastPort != last else { return false }
            ports[place].lastPort = last
            return true
        case .backend(let backend, true):
            guard let place else {
                ports.append(MeshPort(transport: key.transport, publishedPort: key.number, backends: [backend]))
                return true
            }
            return Numbering.add(backend, to: &ports[place].backends)
        case .backend(let backend, false):
            guard let place else { return false }
            return Numbering.remove(backend, from: &ports[place].backends)
        }
    }
}
