import DockerClient
import Model
package import Templates

extension Command {
    static let systemInfo = Command(
        "system info", aliases: ["info"], arity: .none,
        help: """
            Usage:  apus system info [OPTIONS]

            Display system-wide information

            Aliases:
              apus system info, apus info

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
            """
    ) { call in
        let format = call.flags.string("format") ?? ""
        let client: JSON = [
            "Debug": false, "Version": .string(ProductVersion.text), "Context": "default", "Plugins": [],
            "Warnings": .null,
        ]
        var template: Template?
        if !format.isEmpty, format != "json" {
            do { template = try Template(format) } catch { throw ExitError(64, "template parsing error: \(error)") }
        }
        let info: JSON
        do { info = try await call.client().json(.get("/info")) } catch {
            guard format.isEmpty else { throw error }
            Console.text(InfoText.client + "\nServer:\n")
            throw ExitError(1, "\(error)\nerrors pretty printing info")
        }
        if !format.isEmpty {
            let whole = JSON.object(info.members + [JSON.Member("ClientInfo", client)])
            if let template {
                do { Console.line(try template.render(.data(whole))) } catch {
                    throw ExitError(1, "\(error)")
                }
            } else {
                Console.line(whole.compact())
            }
            return
        }
        Console.text(InfoText.client + "\nServer:\n" + InfoText.server(info) + "\n")
        for warning in info["Warnings"].strings { Console.error(warning) }
    }
}

/// `info` for people.
package enum InfoText {
    static let client = "Client:\n Version:    \(ProductVersion.text)\n Context:    default\n Debug Mode: false\n"

    /// - Parameter info: The answer to `GET /info`.
    package static func server(_ info: JSON) -> String {
        var text = ""
        func line(_ title: String, _ value: String) { text += " \(title): \(value)\n" }
        func number(_ name: String) -> String { "\(info[name].integer ?? 0)" }
        line("Containers", number("Containers"))
        line(" Running", number("ContainersRunning"))
        line(" Paused", number("ContainersPaused"))
        line(" Stopped", number("ContainersStopped"))
        line("Images", number("Images"))
        func given(_ title: String, _ name: String) { if !info[name].text.isEmpty { line(title, info[name].text) } }
        given("Server Version", "ServerVersion")
        given("Storage Driver", "Driver")
        for pair in info["DriverStatus"].elements { line(" \(pair[0].text)", pair[1].text) }
        given("Logging Driver", "LoggingDriver")
        given("Cgroup Driver", "CgroupDriver")
        given("Cgroup Version", "CgroupVersion")
        text += " Plugins:\n"
        for kind in ["Volume", "Network", "Authorization", "Log"] {
            let names = info["Plugins"][kind].strings
            if !names.isEmpty || kind == "Volume" || kind == "Network" {
                line(" \(kind)", names.joined(separator: " "))
            }
        }
        let devices = info["CDISpecDirs"].strings
        if !devices.isEmpty { text += " CDI spec directories:\n" + devices.map { "  \($0)\n" }.joined() }
        line("Swarm", info["Swarm"]["LocalNodeState"].text)
        text += swarm(info["Swarm"])
        let runtimes = info["Runtimes"].members.map(\.name).sorted()
        if !runtimes.isEmpty {
            line("Runtimes", runtimes.joined(separator: " "))
            line("Default Runtime", info["DefaultRuntime"].text)
        }
        if info["OSType"].text == "linux" {
            line("Init Binary", info["InitBinary"].text)
            for (title, name) in [("containerd", "ContainerdCommit"), ("runc", "RuncCommit"), ("init", "InitCommit")] {
                line("\(title) version", info[name]["ID"].text)
            }
            text += security(info["SecurityOptions"].strings)
        }
        return text + host(info)
    }

    private static func security(_ options: [String]) -> String {
        guard !options.isEmpty else { return "" }
        var text = " Security Options:\n"
        for option in options {
            for (index, field) in GoText.commaSeparated(option).enumerated() {
                let (key, value) = GoText.pair(field)
                if index == 0 {
                    text += "  \(key == "name" ? value ?? "" : field)\n"
                } else {
                    text += "   \(key.prefix(1).uppercased() + key.dropFirst()): \(value ?? "")\n"
                }
            }
        }
        return text
    }

    private static func host(_ info: JSON) -> String {
        var text = ""
        func line(_ title: String, _ value: String) { text += " \(title): \(value)\n" }
        func given(_ title: String, _ name: String) { if !info[name].text.isEmpty { line(title, info[name].text) } }
        given("Kernel Version", "KernelVersion")
        given("Operating System", "OperatingSystem")
        given("OSType", "OSType")
        given("Architecture", "Architecture")
        line("CPUs", "\(info["NCPU"].integer ?? 0)")
        line("Total Memory", Units.binarySize(info["MemTotal"].double ?? 0))
        given("Name", "Name")
        given("ID", "ID")
        given("Docker Root Dir", "DockerRootDir")
        line("Debug Mode", info["Debug"].isTrue ? "true" : "false")
        for (title, name) in [("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy")] {
            given(title, name)
        }
        let labels = info["Labels"].strings
        if !labels.isEmpty { text += " Labels:\n" + labels.map { "  \($0)\n" }.joined() }
        line("Experimental", info["ExperimentalBuild"].isTrue ? "true" : "false")
        let registries = info["RegistryConfig"]
        let insecure =
            registries["IndexConfigs"].members.filter { !$0.value["Secure"].isTrue }.map { $0.value["Name"].text }
            .sorted() + registries["InsecureRegistryCIDRs"].strings
        if !insecure.isEmpty { text += " Insecure Registries:\n" + insecure.map { "  \($0)\n" }.joined() }
        let mirrors = registries["Mirrors"].strings
        if !mirrors.isEmpty { text += " Registry Mirrors:\n" + mirrors.map { "  \($0)\n" }.joined() }
        line("Live Restore Enabled", info["LiveRestoreEnabled"].isTrue ? "true" : "false")
        given("Product License", "ProductLicense")
        let pools = info["DefaultAddressPools"].elements
        if !pools.isEmpty {
            text += " Default Address Pools:\n"
            for pool in pools { text += "   Base: \(pool["Base"].text), Size: \(pool["Size"].integer ?? 0)\n" }
        }
        let firewall = info["FirewallBackend"]["Driver"].text
        return firewall.isEmpty ? text : text + " Firewall Backend: \(firewall)\n"
    }

    private static func swarm(_ swarm: JSON) -> String {
        let state = swarm["LocalNodeState"].text
        guard state != "inactive", state != "locked", !state.isEmpty else { return "" }
        var text = "  NodeID: \(swarm["NodeID"].text)\n"
        func line(_ title: String, _ value: String) { text += "  \(title): \(value)\n" }
        if !swarm["Error"].text.isEmpty { line("Error", swarm["Error"].text) }
        line("Is Manager", swarm["ControlAvailable"].isTrue ? "true" : "false")
        let cluster = swarm["Cluster"]
        if !cluster.isNull, swarm["ControlAvailable"].isTrue {
            let spec = cluster["Spec"]
            line("ClusterID", cluster["ID"].text)
            line("Managers", "\(swarm["Managers"].integer ?? 0)")
            line("Nodes", "\(swarm["Nodes"].integer ?? 0)")
            if !cluster["DefaultAddrPool"].isNull {
                line("Default Address Pool", cluster["DefaultAddrPool"].strings.joined(separator: "  "))
                line("SubnetSize", "\(cluster["SubnetSize"].integer ?? 0)")
            }
            if let port = cluster["DataPathPort"].integer, port > 0 { line("Data Path Port", "\(port)") }
            let history = spec["Orchestration"]["TaskHistoryRetentionLimit"].integer ?? 0
            text += "  Orchestration:\n   Task History Retention Limit: \(history)\n"
            let raft = spec["Raft"]
            text += "  Raft:\n   Snapshot Interval: \(raft["SnapshotInterval"].unsigned)\n"
            if !raft["KeepOldSnapshots"].isNull {
                text += "   Number of Old Snapshots to Retain: \(raft["KeepOldSnapshots"].unsigned)\n"
            }
            text += "   Heartbeat Tick: \(raft["HeartbeatTick"].unsigned)\n"
            text += "   Election Tick: \(raft["ElectionTick"].unsigned)\n"
            text +=
                "  Dispatcher:\n   Heartbeat Period: \(Units.duration(spec["Dispatcher"]["HeartbeatPeriod"].integer ?? 0))\n"
            let certificates = spec["CAConfig"]
            text +=
                "  CA Configuration:\n   Expiry Duration: \(Units.duration(certificates["NodeCertExpiry"].integer ?? 0))\n"
            text += "   Force Rotate: \(certificates["ForceRotate"].unsigned)\n"
            line("Autolock Managers", spec["EncryptionConfig"]["AutoLockManagers"].isTrue ? "true" : "false")
            line("Root Rotation In Progress", cluster["RootRotationInProgress"].isTrue ? "true" : "false")
        }
        line("Node Address", swarm["NodeAddr"].text)
        let managers = swarm["RemoteManagers"].elements.map { $0["Addr"].text }.sorted()
        if !managers.isEmpty { text += "  Manager Addresses:\n" + managers.map { "   \($0)\n" }.joined() }
        return text
    }
}
