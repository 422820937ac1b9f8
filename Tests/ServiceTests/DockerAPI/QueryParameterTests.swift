import DockerAPI
import DockerTypes
import Foundation
import Testing

/// Every parameter of the queries of the API's definition is read by the route of its operation, which acts on it or refuses it, or stands in
/// the table of those without effect.
@Suite struct QueryParameterTests {
    private struct Request: Decodable { let query: [String] }

    /// The parameters of the operations that work, by operation.
    static func requests() throws -> [String: [String]] {
        let file = try #require(Bundle.module.url(forResource: "request-fields", withExtension: "json"))
        let all = try JSONDecoder().decode([String: Request].self, from: Data(contentsOf: file))
        let working = Set(APIOperation.all.filter { $0.state == .works }.map { "\($0.method) \($0.path)" })
        return all.filter { working.contains($0.key) }.mapValues(\.query)
    }

    private static func sources() throws -> [String: String] {
        let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let place = top.appending(path: "Sources/DockerAPI/Routes").path
        var sources: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: place) where name.hasSuffix(".swift") {
            sources[String(name.dropLast(".swift".count))] = try String(
                contentsOfFile: "\(place)/\(name)", encoding: .utf8)
        }
        return sources
    }

    @Test func `every parameter of a query is acted upon, refused, or in the table`() throws {
        let routes = RouteReads(of: try Self.sources()).routes
        for (operation, names) in try Self.requests().sorted(by: { $0.key < $1.key }) where !names.isEmpty {
            let reads = try #require(routes[operation], "no route was found for \(operation)")
            let listed = RequestField.parameters.filter { $0.operation == operation }.map(\.name)
            for name in names {
                #expect(
                    reads.contains(name) || listed.contains(name),
                    "\(name) of \(operation) is neither read nor in the table")
            }
        }
    }

    @Test func `the table has parameters of operations that work, each with its reason, and once`() throws {
        let requests = try Self.requests()
        for row in RequestField.parameters {
            #expect(requests[row.operation]?.contains(row.name) == true, "\(row.name) of \(row.operation) is none")
            #expect(!row.reason.isEmpty)
        }
        #expect(
            Set(RequestField.parameters.map { "\($0.operation) \($0.name)" }).count == RequestField.parameters.count)
    }

    @Test func `what a route reads is found in it and in what it calls, and nowhere else`() {
        let sample = """
            enum SampleRoutes {
                static func add(to routes: inout RouteTable) {
                    routes.on(.get, "/one") { call in
                        _ = try call.filters(known)
                        return try .json(call.query.flag("a"), of: size(call.query))
                    }
                    routes.on(.post, "/two", two)
                    for (path, word) in [("/three", "x"), ("/four", "y")] {
                        routes.on(.get, path) { call in call.query.values["c"] }
                    }
                }

                private static func two(_ call: Call) throws -> Reply {
                    if call.backends.size(call.query) { return try two(call) }
                    let version = try call.query.version(of: "x")
                    return try Other.more(
                        call)
                }

                static func size(_ query: Query) -> Int { query["b"] }
            }
            """
        let other = """
            enum Other {
                static func more(_ call: Call) { call.query.text("d") }
                static func less(_ call: Call) { call.query.text("e") }
            }
            """
        let routes = RouteReads(of: ["SampleRoutes": sample, "Other": other]).routes
        #expect(
            routes == [
                "GET /one": ["a", "b", "filters"], "POST /two": ["d", "version"], "GET /three": ["c"],
                "GET /four": ["c"],
            ])
    }
}

/// Which parameters of the query the handler of each route reads, by the text of the sources: itself, or a function of theirs that it names.
private struct RouteReads {
    /// Operation, as in `GET /images/json` → names.
    private(set) var routes: [String: Set<String>] = [:]
    /// File, which is called as its type → function → its lines.
    private let functions: [String: [String: String]]

    init(of sources: [String: String]) {
        functions = sources.mapValues { Self.functionTexts(in: $0) }
        for (type, known) in functions {
            for text in known.values {
                // What is before the first belongs to no route but may be the loop that names its paths.
                let pieces = text.split(separator: "routes.", omittingEmptySubsequences: false)
                for (before, piece) in zip(pieces, pieces.dropFirst()) where piece.hasPrefix("on(.") {
                    add(String(piece), before: before, in: type)
                }
            }
        }
    }

    private mutating func add(_ piece: String, before: Substring, in type: String) {
        guard let head = piece.firstMatch(of: #/^on\(\.(\w+),\s*(?:"([^"]+)"|(\w+))[,)]/#) else { return }
        let reads = reads(piece, in: type)
        var paths = [head.2.map(String.init)].compactMap { $0 }
        if head.3 != nil, let loop = before.split(separator: "\n").last(where: { $0.contains(" in [(") }) {
            paths = loop.matches(of: #/\("([^"]+)"/#).map { String($0.1) }
        }
        for path in paths { routes["\(head.1.uppercased()) \(path)", default: []].formUnion(reads) }
    }

    /// The names that a text reads, and those that the functions read which it names.
    private func reads(_ text: String, in type: String) -> Set<String> {
        var names: Set<String> = []
        var visited: Set<String> = []
        var waiting = [(text, type)]
        while let (text, type) = waiting.popLast() {
            names.formUnion(Self.names(text))
            for (owner, word) in Self.words(text) {
                let place = owner ?? type
                guard let body = functions[place]?[word], visited.insert("\(place).\(word)").inserted else { continue }
                waiting.append((body, place))
            }
        }
        return names
    }

    private static func names(_ text: String) -> Set<String> {
        let calls = #/query\.(?:flag|number|platforms?|requiredNumber|text|timestamp)\(\s*"([^"]+)"/#
        var names = Set(text.matches(of: calls).map { String($0.1) })
        names.formUnion(text.matches(of: #/query(?:\.values)?\["([^"]+)"\]/#).map { String($0.1) })
        if text.contains(#/(?:call|query)\.filters\(/#) { names.insert("filters") }
        if text.contains("query.version(of:") { names.insert("version") }
        return names
    }

    /// The words of a text that may be functions: those by themselves, and those of a type, with it.
    private static func words(_ text: String) -> [(owner: String?, word: String)] {
        let code = text.replacing(#/"(?:[^"\\]|\\.)*"/#, with: " ").replacing(#/\/\/[^\n]*/#, with: " ")
        let chains = code.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        return chains.compactMap { chain in
            let parts = chain.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard let first = parts.first, let initial = first.first else { return nil }
            guard initial.isUppercase, parts.count > 1 else { return (nil, first) }
            return (first == "Self" ? nil : first, parts[1])
        }
    }

    /// The static functions of a type as the formatter lays them out, each to the brace that ends it.
    private static func functionTexts(in source: String) -> [String: String] {
        var functions: [String: String] = [:]
        var name: String?
        for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
            if let head = line.firstMatch(of: #/^    (?:private )?static func (\w+)/#) { name = String(head.1) }
            guard let present = name else { continue }
            functions[present, default: ""] += "\(line)\n"
            // On one line, or after several.
            if line == "    }" || line.hasPrefix("    ") && line.contains("static func") && line.hasSuffix(" }") {
                name = nil
            }
        }
        return functions
    }
}
