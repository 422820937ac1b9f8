import Cluster
import EngineInterface
import Model
import Orchestration

/// Objects of a kind as they are shown, and which of them have become others since somebody was told.
struct KeptViews<View: Equatable & Identifiable & Sendable>: Sendable where View.ID == String {
    private(set) var all: [String: View] = [:]
    private var untold: Set<String> = []

    subscript(id: String) -> View? {
        get { all[id] }
        set {
            guard all[id] != newValue else { return }
            all[id] = newValue
            untold.insert(id)
        }
    }

    mutating func replace(by views: [View]) {
        let present = Set(views.map(\.id))
        for id in Array(all.keys) where !present.contains(id) { self[id] = nil }
        for view in views { self[view.id] = view }
    }

    /// - Parameter isWhole: Everything that there is.
    mutating func tell(isWhole: Bool) -> (set: [View], gone: [String]) {
        defer { untold = [] }
        if isWhole { return (Array(all.values), []) }
        return (untold.compactMap { all[$0] }, untold.filter { all[$0] == nil }.sorted())
    }
}

/// The cluster as it is shown, kept up by what changes in it. A value without a clock.
///
/// A look costs what has changed in the store and which nodes have told how they are since the one before, beside a glance at each node's last word.
struct DashboardIndex: Sendable {
    /// What is known at one moment beside the swarm's objects. What is `nil` is as it was.
    struct Sight: Sendable {
        var board = PulseBoard()
        var now = Timestamp.now
        /// The id of the node that answers.
        var own = ""
        var alerts: [AlertView] = []
        var networks: [NetworkView]?
        var containers: Containers?
        var paths: [PathView]?
    }

    /// Those that belong to no task.
    struct Containers: Sendable {
        /// The answering node's own.
        var own: [ContainerView] = []
        /// How many that node has beside those.
        var more = 0
        var others: StandaloneBoard?
    }

    /// What a node told last.
    private struct Word: Equatable {
        var time: Int64
        var isLate: Bool
        var tasks: Set<String>
    }

    /// What one look bears on, by id.
    private struct Touched {
        var nodes: Set<String>
        var services: Set<String>
        var tasks: Set<String>
        var networks: Set<String> = []
    }

    private var objects = SwarmState()
    private var nodes = KeptViews<NodeView>()
    private var services = KeptViews<ServiceView>()
    private var tasks = KeptViews<TaskView>()
    private var networks = KeptViews<NetworkView>()
    private var containers = KeptViews<ContainerView>()
    private var alerts = KeptViews<AlertView>()
    private var paths = KeptViews<PathView>()
    private var words: [String: Word] = [:]
    /// By network: addresses, and how many have each.
    private var held: [String: [String: Int]] = [:]
    /// By node: how many containers it has beside those that are shown.
    private var more: [String: Int] = [:]
    /// Counts what was told, and how often all was forgotten, so that no number ever stands for two things.
    private var number: UInt64 = 0

    /// Begins anew: whoever was told anything before is told everything the next time, also when that does not arrive.
    mutating func forget() {
        let last = number
        self = DashboardIndex()
        number = last + 1
    }

    /// Takes in what has changed since the look before.
    /// - Parameters:
    ///   - changes: What may differ between the objects of the look before and these.
    ///   - shown: A node as the API shows it, with how a manager is at this moment.
    mutating func take(_ now: SwarmState, _ changes: SwarmChanges, _ sight: Sight, shown: (Node) -> Node) {
        var touched = Touched(nodes: changes.nodes, services: changes.services, tasks: changes.tasks)
        noteObjects(now, changes, &touched)
        objects = now
        noteWords(sight, &touched)
        // Of managers it is shown how they are at this moment, too.
        touched.nodes.formUnion(now.sharedManagers.map(\.value.id))
        for id in touched.nodes {
            nodes[id] = node(id, sight, shown)
            if nodes[id] == nil { more[id] = nil }
        }
        for id in touched.tasks { tasks[id] = task(id, sight.board) }
        let statuses = touched.services.isEmpty ? nil : ServiceStatuses(now)
        for id in touched.services { services[id] = statuses.flatMap { service(id, $0, sight) } }
        if let listed = sight.networks {
            networks.replace(by: listed.map { counted($0) })
        } else {
            for id in touched.networks { networks[id] = networks[id].map { counted($0) } }
        }
        if let found = sight.containers { take(found, sight) }
        if let found = sight.paths { paths.replace(by: found) }
        alerts.replace(by: sight.alerts)
    }

    /// What objects that have changed bear on.
    private mutating func noteObjects(_ now: SwarmState, _ changes: SwarmChanges, _ touched: inout Touched) {
        for id in changes.tasks {
            let (former, task) = (objects.tasks.shared(id)?.value, now.tasks.shared(id)?.value)
            for service in [former?.serviceID, task?.serviceID] { if let service { touched.services.insert(service) } }
            count(former?.shownAddresses ?? [], -1, &touched)
            count(task?.shownAddresses ?? [], 1, &touched)
        }
        for id in changes.services {
            count(objects.services.shared(id)?.value.shownAddresses ?? [], -1, &touched)
            count(now.services.shared(id)?.value.shownAddresses ?? [], 1, &touched)
        }
        // What runs on a node that is down does not count as running.
        for id in changes.nodes where objects.isDown(node: id) != now.isDown(node: id) {
            for task in now.sharedTasks(onNode: id) { touched.services.insert(task.value.serviceID) }
        }
    }

    private mutating func count(_ addresses: [AddressView], _ sign: Int, _ touched: inout Touched) {
        for place in addresses {
            touched.networks.insert(place.network)
            let count = (held[place.network]?[place.address] ?? 0) + sign
            held[place.network, default: [:]][place.address] = count > 0 ? count : nil
            if held[place.network]?.isEmpty == true { held[place.network] = nil }
        }
    }

    /// Whom nodes have told of, or are silent about for too long, since the look before. Of a task its own node alone tells, and it has no other.
    private mutating func noteWords(_ sight: Sight, _ touched: inout Touched) {
        for id in sight.board.nodeIDs.union(words.keys) {
            let former = words[id]
            let time = sight.board.latest(ofNode: id)?.time
            let isLate = time.map { sight.now.seconds - $0 > PulseBoard.staleAfter } ?? true
            if let former, let time, former.time == time, former.isLate == isLate { continue }
            let tasks = sight.board.taskIDs(ofNode: id)
            words[id] = time.map { Word(time: $0, isLate: isLate, tasks: tasks) }
            touched.nodes.insert(id)
            for task in tasks.union(former?.tasks ?? []) {
                touched.tasks.insert(task)
                if let task = objects.tasks.shared(task) { touched.services.insert(task.value.serviceID) }
            }
        }
    }

    private func node(_ id: String, _ sight: Sight, _ shown: (Node) -> Node) -> NodeView? {
        guard let node = objects.nodes[id] else { return nil }
        var view = NodeView(shown(node))
        view.moreContainers = more[id]
        view.use = NodeUse(sight.board, id)
        return view
    }

    private func task(_ id: String, _ board: PulseBoard) -> TaskView? {
        // Places of containers on networks are not shown, as the API does not list them.
        guard let task = objects.tasks.shared(id), !task.value.isAttachment else { return nil }
        var view = TaskView(task.value)
        view.use = board.tasks[id].map { TaskUse($0) }
        return view
    }

    private func service(_ id: String, _ statuses: ServiceStatuses, _ sight: Sight) -> ServiceView? {
        guard var service = objects.services[id] else { return nil }
        service.serviceStatus = statuses.status(of: service)
        var view = ServiceView(service)
        let tasks = objects.sharedTasks(ofService: id).filter { !$0.value.isAttachment }.map(\.value.id)
        view.use = TaskUse(of: tasks, sight.board, now: sight.now.seconds)
        return view
    }

    private func counted(_ network: NetworkView) -> NetworkView {
        var network = network
        network.count(held[network.id]?.count ?? 0)
        return network
    }

    private mutating func take(_ found: Containers, _ sight: Sight) {
        var state = DashboardState(cluster: ClusterView())
        state.nodes = nodes.all.keys.map { NodeView(id: $0) }
        state.containers = found.own
        if let others = found.others { state.add(others, but: sight.own, now: sight.now) }
        state.fill(from: sight.board, now: sight.now.seconds)
        containers.replace(by: state.containers)
        for node in state.nodes {
            let count: Int? = node.id == sight.own ? (found.more > 0 ? found.more : nil) : node.moreContainers
            more[node.id] = count
            nodes[node.id]?.moreContainers = count
        }
    }

    // MARK: What is told

    /// The managers that count, in no order.
    var managers: [NodeView] {
        objects.sharedManagers.compactMap { nodes[$0.value.id] }
            .filter { $0.role == "manager" && $0.reachability != nil }
    }

    /// The name of a node; empty where it is none.
    func name(ofNode id: String) -> String { nodes[id]?.name ?? "" }

    /// What has changed since it was told last.
    /// - Parameter known: The number of what was told last; any other one is told everything.
    mutating func tell(since known: UInt64?, _ cluster: ClusterView) -> DashboardChanges {
        let isWhole = known != number
        number += 1
        var changes = DashboardChanges(number: number, isWhole: isWhole, state: DashboardState(cluster: cluster))
        func add<View>(
            _ told: (set: [View], gone: [String]), _ kind: DashboardKind,
            _ part: WritableKeyPath<DashboardState, [View]>
        ) {
            changes.state[keyPath: part] = told.set
            if !told.gone.isEmpty { changes.gone[kind] = told.gone }
        }
        add(nodes.tell(isWhole: isWhole), .nodes, \.nodes)
        add(services.tell(isWhole: isWhole), .services, \.services)
        add(tasks.tell(isWhole: isWhole), .tasks, \.tasks)
        add(networks.tell(isWhole: isWhole), .networks, \.networks)
        add(containers.tell(isWhole: isWhole), .containers, \.containers)
        add(alerts.tell(isWhole: isWhole), .alerts, \.alerts)
        add(paths.tell(isWhole: isWhole), .paths, \.paths)
        return changes
    }
}

extension SwarmState {
    fileprivate func isDown(node id: String) -> Bool { nodes.shared(id)?.value.status.state == .down }
}
