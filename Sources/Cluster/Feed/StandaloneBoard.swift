package import EngineInterface
import GRPCCore

/// What a manager knows of nodes' containers that belong to no task, by node. What a node that has gone told last stays until it is told anew or the
/// node is no member any more. A value.
package struct StandaloneBoard: Sendable {
    /// A container and where it is.
    package struct Place: Sendable, Equatable {
        package var nodeID: String
        package var container: StandaloneContainer
    }

    private struct Name: Comparable, Sendable {
        let name: String
        let id: String

        init(_ container: StandaloneContainer) { (name, id) = (container.name, container.id) }

        static func < (left: Self, right: Self) -> Bool { (left.name, left.id) < (right.name, right.id) }
    }

    private struct NodePart: Sendable {
        private(set) var containers: [String: StandaloneContainer] = [:]
        private var names = SortedList<Name>()
        /// While all are told anew: those that have not been yet.
        var unseen: Set<String> = []
        var leftOut = 0

        /// By name.
        var sorted: [StandaloneContainer] { names.elements.compactMap { containers[$0.id] } }

        mutating func set(_ container: StandaloneContainer) {
            if let known = containers[container.id], known.name != container.name { names.remove(Name(known)) }
            containers[container.id] = container
            names.insert(Name(container))
        }

        mutating func remove(_ id: String) {
            if let known = containers.removeValue(forKey: id) { names.remove(Name(known)) }
            unseen.remove(id)
        }
    }

    /// By the nodes' ids.
    private var nodes: [String: NodePart] = [:]
    private var nodeIDs = SortedList<String>()
    /// Whose a container is, by its id.
    private var owners: [String: String] = [:]

    package init() {}

    /// Takes in what a node tells.
    ///
    /// - Parameter isThere: Whether a node is connected. A container that another one that is has told of is that one's.
    /// - Returns: Whether anything is other than it was.
    /// - Throws: `RPCError` with `.invalidArgument` when the node tells more than it may.
    @discardableResult
    mutating func take(
        _ told: StandaloneMessages.Told, of nodeID: String, isThere: (String) -> Bool
    ) throws(RPCError) -> Bool {
        var part = nodes.removeValue(forKey: nodeID) ?? NodePart()
        defer { nodes[nodeID] = part }
        nodeIDs.insert(nodeID)
        var isNews = part.leftOut != told.leftOut
        if told.begins {
            // What was not told again since it began before: else beginnings without an end would pile it up.
            isNews = isNews || !part.unseen.isEmpty
            for id in part.unseen { remove(id, from: &part, of: nodeID) }
            part.unseen = Set(part.containers.keys)
        }
        part.leftOut = told.leftOut
        for id in told.gone {
            isNews = isNews || part.containers[id] != nil
            remove(id, from: &part, of: nodeID)
        }
        for container in told.present {
            if let owner = owners[container.id], owner != nodeID {
                if isThere(owner) { continue }
                // A node that was removed and has joined anew has another id, and the containers that it had.
                nodes[owner]?.remove(container.id)
            }
            isNews = isNews || part.containers[container.id] != container
            owners[container.id] = nodeID
            part.set(container)
            part.unseen.remove(container.id)
            guard part.containers.count - part.unseen.count <= StandaloneNews.most else {
                throw RPCError(code: .invalidArgument, message: "the node tells of more containers than it may")
            }
        }
        guard told.isComplete else { return isNews }
        isNews = isNews || !part.unseen.isEmpty
        for id in part.unseen { remove(id, from: &part, of: nodeID) }
        return isNews
    }

    private mutating func remove(_ id: String, from part: inout NodePart, of nodeID: String) {
        part.remove(id)
        if owners[id] == nodeID { owners[id] = nil }
    }

    /// Forgets nodes that are no more.
    mutating func forget(nodesBut present: (String) -> Bool) {
        for (id, part) in nodes where !present(id) {
            nodes[id] = nil
            nodeIDs.remove(id)
            for container in part.containers.keys where owners[container] == id { owners[container] = nil }
        }
    }

    /// - Parameter id: A container's, in full.
    package func place(of id: String) -> Place? {
        guard let nodeID = owners[id], let container = nodes[nodeID]?.containers[id] else { return nil }
        return Place(nodeID: nodeID, container: container)
    }

    /// By node and name. They are kept in this order: pages of the dashboard look at all of them all the time.
    package var places: [Place] {
        nodeIDs.elements.flatMap { id in (nodes[id]?.sorted ?? []).map { Place(nodeID: id, container: $0) } }
    }

    /// Whether a container is known of a node.
    func has(_ id: String, of nodeID: String) -> Bool { nodes[nodeID]?.containers[id] != nil }

    /// How many containers a node has beside those that it tells of.
    package func leftOut(of nodeID: String) -> Int { nodes[nodeID]?.leftOut ?? 0 }
}
