import DockerClient
import Templates

/// `inspect`: objects as they come, or through a template.
struct Inspection {
    /// The text of `--format`.
    let format: String?
    /// Whether fields come as docker's client orders those of swarm objects, see ``FieldOrder``.
    var isOrdered = false

    /// Looks each reference up; prints what was found, then tells what was not.
    func show(_ references: [String], _ look: (String) async throws -> [UInt8]) async throws {
        var found: [[UInt8]] = []
        var failures: [String] = []
        let template = try format.flatMap { $0 == "json" || $0.isEmpty ? nil : try parsed($0) }
        var output = ""
        for reference in references {
            do {
                var bytes = try await look(reference)
                if isOrdered {
                    bytes = Array(FieldOrder.applied(to: try JSON(parsing: bytes)).compact(escapesMarkup: true).utf8)
                }
                found.append(bytes)
                if let template { output += try template.render(.data(try JSON(parsing: bytes))) + "\n" }
            } catch let error as TemplateError {
                failures.append("template parsing error: \(error)")
            } catch {
                failures.append("\(error)")
            }
        }
        if template != nil {
            Console.text(output.isEmpty ? "\n" : output)
        } else if format == "json" {
            Console.line(try JSON.array(found.map { try JSON(parsing: $0) }).compact())
        } else {
            let whole = Array("[".utf8) + found.joined(separator: Array(",".utf8)) + Array("]".utf8)
            Console.line(JSON.indented(whole))
        }
        guard failures.isEmpty else { throw ExitError(1, failures.joined(separator: "\n")) }
    }

    private func parsed(_ source: String) throws -> Template {
        do { return try Template(source) } catch { throw ExitError(64, "template parsing error: \(error)") }
    }
}

extension DaemonClient {
    /// `--format` of commands that show one value: a template, or `json`.
    static func show(_ value: JSON, format: String) throws {
        let template = try Listing.parsed(format == "json" ? "{{json .}}" : format)
        Console.line(try template.render(.data(value)))
    }
}

/// Several things at once, each with a line: goes on after a failure, and ends with status 1 when there was one.
enum Batch {
    static func run(_ names: [String], _ work: (String) async throws -> String?) async throws {
        var failures: [String] = []
        for name in names {
            do {
                if let line = try await work(name) { Console.line(line) }
            } catch {
                failures.append("\(error)")
            }
        }
        guard failures.isEmpty else { throw ExitError(1, failures.joined(separator: "\n")) }
    }
}

extension Batch {
    /// How many requests are under way at once.
    static let widest = 50

    /// The same for work that may go on side by side; the lines keep the order of the names.
    static func together(_ names: [String], _ work: @escaping @Sendable (String) async throws -> String?) async throws {
        let results = await withTaskGroup(of: (Int, Result<String?, any Error>).self) { group in
            var next = 0
            var results: [Int: Result<String?, any Error>] = [:]
            func add() {
                guard next < names.count else { return }
                let (index, name) = (next, names[next])
                next += 1
                group.addTask {
                    do { return (index, .success(try await work(name))) } catch { return (index, .failure(error)) }
                }
            }
            for _ in 0..<min(widest, names.count) { add() }
            while let (index, result) = await group.next() {
                results[index] = result
                add()
            }
            return results
        }
        try await run(names.indices.map { "\($0)" }) { index in
            guard let result = Int(index).flatMap({ results[$0] }) else { return nil }
            return try result.get()
        }
    }
}
