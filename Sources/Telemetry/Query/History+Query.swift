import GRDB

extension History {
    /// Curves of what is asked for, as far as this node knows the entities; unknown ones are as if they were not asked for.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: ``HistoryQueryError``, ``MetricsStoreError``.
    package func answer(_ query: HistoryQuery, now: Int64) async throws -> HistoryAnswer {
        let grid = try query.grid(now: now)
        let columns = try query.columns()
        let unwritten = Dictionary(
            grouping: unwritten(Set(query.groups.flatMap(\.entities))), by: \.entity)
        let curves = try await store.read { database in
            let span = try HistorySpan(grid, isCoarse: query.from < now - TimeGrid.fineRetention, database)
            var curves: [HistoryAnswer.Curve] = []
            curves.reserveCapacity(query.groups.count * query.series.count)
            for (group, columns) in zip(query.groups, columns) {
                var sums = query.series.map { _ in CurveSum(query.combination, count: grid.count) }
                for entity in group.entities {
                    let values = try span.values(of: entity, columns, unwritten[entity] ?? [], database)
                    for (index, value) in values.enumerated() where sums.indices.contains(index) {
                        sums[index].add(value)
                    }
                }
                for (name, sum) in zip(query.series, sums) {
                    curves.append(
                        HistoryAnswer.Curve(
                            group: group.name, series: name, average: sum.average, maximum: sum.maximum))
                }
            }
            return curves
        }
        return HistoryAnswer(start: grid.start, stepSeconds: grid.step, curves: curves)
    }
}
