import DockerClient
import Model
import Templates

extension Command {
    static let systemVersion = Command(
        "version", arity: .none,
        help: """
            Usage:  apus version [OPTIONS]

            Show the Docker version information

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
            """
    ) { call in
        let format = call.flags.string("format") ?? ""
        var template: Template?
        if !format.isEmpty, format != "json" {
            do { template = try Template(format) } catch { throw ExitError(64, "template parsing error: \(error)") }
        }
        var failure: (any Error)?
        var server = JSON.null
        var version = DaemonClient.newestVersion
        do {
            let client = try await call.client()
            version = client.version ?? version
            server = try await client.json(.get("/version"))
        } catch { failure = error }
        if format.isEmpty {
            Console.text(VersionText.client(version) + (server.isNull ? "" : "\n" + VersionText.server(server)))
        } else {
            let own: JSON = [
                "Version": .string(ProductVersion.text), "ApiVersion": .string(version),
                "DefaultAPIVersion": .string(DaemonClient.newestVersion), "Os": "linux",
                "Arch": .string(VersionText.architecture), "Context": "default",
            ]
            let whole = JSON.object([JSON.Member("Client", own), JSON.Member("Server", server)])
            do {
                Console.line(try template?.render(.data(whole)) ?? whole.compact())
            } catch {
                // Without an answer there is nothing to show, and why there is none says more.
                Console.line()
                if let failure { throw ExitError(1, "\(failure)") }
                throw ExitError(1, "\(error)")
            }
        }
        if let failure { throw ExitError(1, "\(failure)") }
    }
}

enum VersionText {
    #if arch(arm64)
        static let architecture = "arm64"
    #else
        static let architecture = "amd64"
    #endif

    static func client(_ version: String) -> String {
        let newest = DaemonClient.newestVersion
        let api = version == newest ? newest : "\(version) (downgraded from \(newest))"
        return "Client:\n Version:           \(ProductVersion.text)\n API version:       \(api)\n"
            + " OS/Arch:           linux/\(architecture)\n Context:           default\n"
    }

    static func server(_ server: JSON) -> String {
        let platform = server["Platform"]["Name"].text
        var text = "Server:\(platform.isEmpty ? "" : " \(platform)")\n"
        var components = server["Components"].elements
        if components.isEmpty { components = [engine(server)] }
        for component in components {
            let details = component["Details"]
            text += " \(component["Name"].text):\n"
            func line(_ title: String, _ value: String) {
                text += "  \(title):\(String(repeating: " ", count: max(1, 17 - title.count)))\(value)\n"
            }
            line("Version", component["Version"].text)
            if component["Name"].text == "Engine" {
                line("API version", "\(details["ApiVersion"].text) (minimum version \(details["MinAPIVersion"].text))")
                line("Go version", details["GoVersion"].text)
                line("Git commit", details["GitCommit"].text)
                line("Built", details["BuildTime"].text)
                line("OS/Arch", "\(details["Os"].text)/\(details["Arch"].text)")
                line("Experimental", details["Experimental"].text)
            } else {
                for detail in details.members.sorted(by: { $0.name < $1.name }) { line(detail.name, detail.value.text) }
            }
        }
        return text
    }

    /// What engines say that know no components.
    private static func engine(_ server: JSON) -> JSON {
        [
            "Name": "Engine", "Version": server["Version"],
            "Details": [
                "ApiVersion": server["ApiVersion"], "MinAPIVersion": server["MinAPIVersion"],
                "GoVersion": server["GoVersion"], "GitCommit": server["GitCommit"], "BuildTime": server["BuildTime"],
                "Os": server["Os"], "Arch": server["Arch"],
                "Experimental": .string(server["Experimental"].isTrue ? "true" : "false"),
            ],
        ]
    }
}
