/// `host` and `none`, which nothing is allocated in: a place there is a container's as long as it runs, and only has an id (``PlaceID``).
extension NetworkMember {
    /// Which of the two it is on; `nil` for neither.
    var plainNetwork: String? {
        if isOnHostNetwork { return LocalNetwork.hostName }
        return isOnNone ? LocalNetwork.noneName : nil
    }

    /// What is told of its networks when it joins or leaves them: of each place the network's id and the event's attributes, by Docker's names.
    /// - Parameters:
    ///   - places: Those that it has, or had, on networks that something is allocated in.
    ///   - plain: The ids of `host` and `none`, by name.
    func networkEvents(_ places: [EndpointRecord], plain: [String: String])
        -> [(id: String, attributes: [String: String])]
    {
        var told: [(id: String, attributes: [String: String])] = []
        for place in places {
            let attributes = ["container": id, "name": place.networkName, "type": place.driver]
            told.append((id: place.networkID, attributes: attributes))
        }
        if let name = plainNetwork, let network = plain[name] {
            let type = name == LocalNetwork.hostName ? "host" : "null"
            told.append((id: network, attributes: ["container": id, "name": name, "type": type]))
        }
        return told
    }
}
