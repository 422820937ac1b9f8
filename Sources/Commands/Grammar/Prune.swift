import DockerClient
import Templates

/// What the commands that remove what is not used have in common.
enum Prune {
    /// Asks the user, unless `--force` answers.
    static func mayGoOn(_ call: Invocation, _ warning: String) async throws -> Bool {
        if call.flags.isSet("force") { return true }
        return try await Console.confirms("\(warning)\nAre you sure you want to continue?")
    }

    static func ask(_ call: Invocation, _ path: String, _ more: [String] = []) async throws -> JSON {
        try await call.client().json(.post(path, FilterArguments.query(call.flags.list("filter") + more)))
    }

    static func report(_ title: String, _ names: [String]) {
        guard !names.isEmpty else { return }
        Console.line(([title] + names).joined(separator: "\n") + "\n")
    }

    static func reclaimed(_ answer: JSON) {
        Console.line("Total reclaimed space: \(Units.size(answer["SpaceReclaimed"].integer ?? 0))")
    }
}
