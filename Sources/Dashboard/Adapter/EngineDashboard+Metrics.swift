import Telemetry

/// Charts out of what the nodes keep.
extension EngineDashboard {
    /// Entities of one chart; more would be answered by nobody.
    static let mostEntities = 4000
    /// Lines of one chart that are each somebody's own. With one more, of four series at most, they are as many curves as a node answers with.
    private static let mostOwn = HistoryQuery.mostCurves / 4 - 1

    package func metrics(_ query: DashboardMetricsQuery) async throws -> DashboardMetrics {
        guard let curves = extras.curves else { throw DashboardError(.notKept) }
        guard let recipe = Self.recipe(query) else { throw DashboardError(.notKept) }
        let (state, groups) = try await subjects(query, recipe.kind)
        guard Self.isShowable(groups) else { throw DashboardError(.tooManyForChart) }
        let answer = try await curves(
            ChartRequest(groups: groups, series: recipe.series, window: query.window, points: query.points))
        let names = Dictionary(state.nodes.map { ($0.id, $0.name) }) { first, _ in first }
        return DashboardMetrics(
            from: answer.from, step: answer.step, lines: recipe.draw(answer, groups: groups.map(\.name)),
            gaps: answer.silent.map { node in
                DashboardMetrics.Gap(node: names[node] ?? node, from: query.window.from, to: query.window.to)
            })
    }

    /// How what is asked for is made of what nodes keep; `nil` where they keep nothing of the kind.
    static func recipe(_ query: DashboardMetricsQuery) -> ChartRecipe? {
        let isNode = query.scope.kind == .cluster || query.scope.kind == .node
        return ChartRecipe(query.series, ofNode: isNode, byDirection: query.by == "direction")
    }

    /// A tab has a dozen charts, which ask at the same time: the objects are listed once for them. What is not among those is looked for anew.
    private func subjects(
        _ query: DashboardMetricsQuery, _ kind: ChartEntity.Kind
    ) async throws -> (DashboardState, [ChartRequest.Group]) {
        if let state = recent.state, let groups = Self.groups(query, kind, state) { return (state, groups) }
        let state = try await state()
        guard let groups = Self.groups(query, kind, state) else { throw DashboardError(.notFound) }
        return (state, groups)
    }

    /// Whether one chart may be of so many.
    static func isShowable(_ groups: [ChartRequest.Group]) -> Bool {
        groups.reduce(0) { $0 + $1.entities.count } <= mostEntities
    }

    private static func containerEntities(_ tasks: [TaskView]) -> [ChartEntity] {
        tasks.compactMap { task in
            guard let id = task.container, let node = task.node else { return nil }
            return ChartEntity(.container, id, node: node)
        }
    }

    /// Those who have an address on a network, with what they do on all of theirs: no node counts one network's apart.
    private static func groups(on id: String, by: String?, _ state: DashboardState) -> [ChartRequest.Group]? {
        guard let network = state.networks.first(where: { $0.id == id }) else { return nil }
        let tasks = state.tasks.filter { task in task.addresses.contains { $0.network == id } }
        guard by == "node" else { return [ChartRequest.Group(name: network.name, entities: containerEntities(tasks))] }
        let names = Dictionary(state.nodes.map { ($0.id, $0.name) }) { first, _ in first }
        let byNode = Dictionary(grouping: tasks) { task in task.node.map { names[$0] ?? $0 } ?? "" }
        return byNode.sorted { $0.key < $1.key }.map {
            ChartRequest.Group(name: $0.key, entities: containerEntities($0.value))
        }
    }

    /// Who makes up each line. A place's tasks of before are among its entities, so that its history does not begin with the last one.
    /// - Returns: `nil` where what is asked for is not there.
    static func groups(
        _ query: DashboardMetricsQuery, _ kind: ChartEntity.Kind, _ state: DashboardState
    ) -> [ChartRequest.Group]? {
        func entities(of node: NodeView) -> [ChartEntity] {
            kind == .node
                ? [ChartEntity(.node, node.id, node: node.id)]
                : containerEntities(state.tasks.filter { $0.node == node.id })
        }
        var groups: [ChartRequest.Group]
        switch query.scope.kind {
        case .cluster where query.by == "node":
            groups = state.nodes.sorted { $0.name < $1.name }.map { .init(name: $0.name, entities: entities(of: $0)) }
        case .cluster: groups = [.init(name: query.series, entities: state.nodes.flatMap(entities))]
        case .node:
            guard let node = state.nodes.first(where: { $0.id == query.scope.id }) else { return nil }
            groups = [.init(name: node.name, entities: entities(of: node))]
        case .service where !query.others.isEmpty:
            let tasks = Dictionary(grouping: state.tasks, by: \.service)
            let names = Dictionary(state.services.map { ($0.id, $0.name) }) { first, _ in first }
            groups = ([query.scope] + query.others).compactMap { scope in
                names[scope.id].map { .init(name: $0, entities: containerEntities(tasks[scope.id] ?? [])) }
            }
        case .service:
            guard let service = state.services.first(where: { $0.id == query.scope.id }) else { return nil }
            let tasks = state.tasks.filter { $0.service == service.id }
            if query.by == "task" {
                let names = Dictionary(state.nodes.map { ($0.id, $0.name) }) { first, _ in first }
                let places = Dictionary(grouping: tasks) { task in
                    task.slot.map(String.init) ?? task.node.map { names[$0] ?? $0 } ?? ""
                }
                groups = places.sorted { ($0.key.count, $0.key) < ($1.key.count, $1.key) }.map {
                    .init(name: "\(service.name).\($0.key)", entities: containerEntities($0.value))
                }
            } else {
                groups = [.init(name: service.name, entities: containerEntities(tasks))]
            }
        case .task:
            guard let task = state.tasks.first(where: { $0.id == query.scope.id }) else { return nil }
            groups = [.init(name: query.series, entities: containerEntities([task]))]
        case .container:
            guard let container = state.containers.first(where: { $0.id == query.scope.id }) else { return nil }
            groups = [
                .init(name: query.series, entities: [ChartEntity(.container, container.id, node: container.node)])
            ]
        case .network:
            guard let found = Self.groups(on: query.scope.id, by: query.by, state) else { return nil }
            groups = found
        }
        groups = groups.filter { !$0.entities.isEmpty }
        let rest = groups.dropFirst(mostOwn)
        if rest.count > 1 {
            // Nobody is left out: the others are one line together.
            groups = Array(groups.prefix(mostOwn))
            groups.append(.init(name: "\(rest.count) more", entities: rest.flatMap(\.entities)))
        }
        return groups
    }
}
