import DockerClient
import Glibc
import Templates

/// Follows a service until its tasks run, and stay running for the time that updates are watched.
struct ServiceWait {
    /// How often the engine is asked, as Docker's command line does.
    static let pace = Duration.milliseconds(200)

    let client: DaemonClient
    let reference: String
    let isQuiet: Bool

    init(_ client: DaemonClient, _ reference: String, isQuiet: Bool) {
        self.client = client
        self.reference = reference
        self.isQuiet = isQuiet
    }

    func run() async throws {
        var display = ProgressDisplay(
            isTerminal: Console.isTerminal(1), columns: Terminal.size()?.columns ?? 200)
        var progress: ServiceProgress?
        var convergedAt: ContinuousClock.Instant?
        var isRollingBack = false
        var rollbackText: String?
        var isConverged = false
        func show(_ message: JSON) throws { if !isQuiet { Console.text(try display.show(message)) } }
        while true {
            let service = try await client.json(.get(ServicePath.of(reference)))
            let watched = Swift.Duration.nanoseconds(service["Spec"]["UpdateConfig"]["Monitor"].integer ?? 0)
            let monitor = watched > .zero ? watched : .seconds(5)
            let status = service["UpdateStatus"]
            switch status["State"].text {
            case "updating": isRollingBack = false
            case "completed": if !isConverged, progress != nil { return }
            case "paused": throw ExitError(1, "service update paused: \(status["Message"].text)")
            case "rollback_started":
                if !isRollingBack, !status["Message"].text.isEmpty {
                    try show(ServiceProgress.message("rollback", status["Message"].text))
                }
                isRollingBack = true
            case "rollback_paused": throw ExitError(1, "service rollback paused: \(status["Message"].text)")
            case "rollback_completed":
                if !isConverged { rollbackText = status["Message"].text }
                isRollingBack = true
            default: break
            }
            if isConverged, let since = convergedAt, ContinuousClock.now - since >= monitor {
                try show(ServiceProgress.message("verify", "Service \(reference) converged"))
                if let rollbackText { try show(["id": "rollback", "status": .string(rollbackText)]) }
                return
            }
            var current = progress ?? ServiceProgress(service)
            let filters = [("filters", FilterArguments.encoded(["service": [reference], "_up-to-date": ["true"]]))]
            let tasks = try await client.json(.get("/tasks", filters)).elements
            let nodes = try await client.json(.get("/nodes")).elements
            let active = Set(nodes.filter { $0["Status"]["State"].text != "down" }.map { $0["ID"].text })
            let (messages, hasConverged) = current.update(service, tasks, activeNodes: active, isRollingBack)
            for message in messages { try show(message) }
            progress = current
            isConverged = hasConverged
            if hasConverged {
                if current.isJob { return }
                let since = convergedAt ?? ContinuousClock.now
                convergedAt = since
                let rest = monitor - (ContinuousClock.now - since)
                if rest >= .zero {
                    try show(
                        ServiceProgress.message(
                            "verify",
                            "Waiting \(rest.components.seconds + 1) seconds to verify that tasks are stable..."))
                }
            } else {
                if convergedAt != nil { try show(ServiceProgress.message("verify", "Detected task failure")) }
                convergedAt = nil
            }
            try await Task.sleep(for: Self.pace)
        }
    }
}
