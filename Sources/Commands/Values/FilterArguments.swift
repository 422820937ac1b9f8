import DockerClient
import Templates

/// `--filter` in the API's form.
enum FilterArguments {
    /// `{"name":{"a":true}}`; `nil` without filters.
    static func encoded(_ items: [String]) -> String? {
        var filters: [String: [String]] = [:]
        for item in items where !item.isEmpty {
            let (key, value) = GoText.pair(item)
            let name = key.lowercased().filter { $0 != " " }
            let trimmed = value ?? ""
            if filters[name]?.contains(trimmed) != true { filters[name, default: []].append(trimmed) }
        }
        guard !filters.isEmpty else { return nil }
        return encoded(filters)
    }

    static func encoded(_ filters: [String: [String]]) -> String {
        func set(_ values: [String]) -> JSON { .object(values.map { JSON.Member($0, true) }) }
        return JSON.object(filters.sorted { $0.key < $1.key }.map { JSON.Member($0.key, set($0.value)) }).compact()
    }

    static func query(_ items: [String]) -> [(String, String)] {
        encoded(items).map { [("filters", $0)] } ?? []
    }
}
