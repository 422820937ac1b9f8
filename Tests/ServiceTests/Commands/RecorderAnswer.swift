import DockerClient
import Foundation
@testable import Templates

/// What ``RequestRecorder`` answers: for each path the least that a command line goes on with. Objects are called as they are asked for;
/// there are a service `web`, a job `job`, a node `one` and a swarm.
struct RecorderAnswer {
    var status = 200
    var body = ""
    var isJSON = true
    var headers: [(String, String)] = []

    init(_ status: Int = 200, _ body: String = "") {
        self.status = status
        self.body = body
    }

    private static func bytes(_ text: String = "") -> RecorderAnswer {
        var answer = RecorderAnswer(200, text)
        answer.isJSON = false
        return answer
    }

    init(to request: RecordedRequest) {
        let parts = request.path.split(separator: "/").map(String.init)
        let isRemoval = request.method == "DELETE"
        switch parts.first ?? "" {
        case "_ping": self = .bytes("OK")
        case "info": self.init(200, Self.info)
        case "version":
            self.init(200, #"{"Version":"28","ApiVersion":"1.50","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}"#)
        case "containers": self = isRemoval ? Self(204) : Self.container(parts)
        case "dashboard":
            self =
                isRemoval || parts.last == "accounts" && request.method == "POST"
                ? Self(204)
                : Self(
                    200, parts.last == "link" ? #"{"url":"https://127.0.0.1:2378/open#a","fingerprint":"AB"}"# : "[]")
        case "alerts":
            self =
                isRemoval || parts.dropFirst().first == "rules" && request.method == "POST"
                ? Self(204) : Self(200, request.method == "GET" ? "[]" : #"{"ID":"s1"}"#)
        case "usage": self.init(200, #"{"Nodes":[],"Tasks":[]}"#)
        case "exec": self.init(200, #"{"ID":"e1","Running":false,"ExitCode":0}"#)
        case "commit": self.init(201, #"{"Id":"sha256:b"}"#)
        case "images": self = isRemoval ? Self(200, #"[{"Untagged":"a:1"}]"#) : Self.image(parts)
        case "networks": self = isRemoval ? Self(204) : Self.network(parts)
        case "volumes": self = isRemoval ? Self(204) : Self.volume(parts)
        case "services": self = isRemoval ? Self(200) : Self.service(parts)
        case "tasks":
            self = parts.last == "logs" ? .bytes() : Self(200, parts.count == 1 ? Self.tasks : Self.task("t1", 1))
        case "nodes": self.init(200, parts.count == 1 ? "[\(Self.node)]" : request.method == "GET" ? Self.node : "")
        case "swarm": self = Self.swarm(parts)
        case "secrets": self.init(200, Self.named("sec", request))
        case "configs": self.init(200, Self.named("cfg", request))
        case "distribution": self.init(200, Self.distribution)
        case "auth": self.init(200, #"{"Status":"Login Succeeded","IdentityToken":""}"#)
        case "system": self.init(200, #"{"LayersSize":0,"Images":[],"Containers":[],"Volumes":[],"BuildCache":[]}"#)
        case "build": self.init(200, #"{"SpaceReclaimed":0}"#)
        case "events": self = .bytes()
        case "plugins": self.init(200, "[]")
        default: self.init(404, #"{"message":"no such page"}"#)
        }
    }

    private static func container(_ parts: [String]) -> Self {
        switch parts.last ?? "" {
        case "json" where parts.count == 2:
            Self(
                200,
                #"[{"Id":"\#(longID)","Names":["/web"],"Image":"busybox","State":"running","Status":"Up","Ports":[],"Created":1}]"#
            )
        case "json": Self(200, inspected(parts[1]))
        case "create": Self(201, #"{"Id":"c1","Warnings":[]}"#)
        case "prune": Self(200, #"{"ContainersDeleted":null,"SpaceReclaimed":0}"#)
        case "wait": Self(200, #"{"StatusCode":0}"#)
        case "update": Self(200, #"{"Warnings":[]}"#)
        case "exec": Self(201, #"{"Id":"e1"}"#)
        case "top": Self(200, #"{"Titles":["PID"],"Processes":[]}"#)
        case "changes": Self(200, "[]")
        case "stats": Self(200, #"{"id":"\#(longID)","name":"/web","read":"2026-11-28T00:00:00Z"}"#)
        case "archive": folder
        case "logs", "export", "resize": .bytes()
        default: Self(204)
        }
    }

    private static let longID = String(repeating: "c", count: 64)

    private static func inspected(_ name: String) -> String {
        #"""
        {"Id":"\#(name)","Name":"/web","Created":"2026-11-28T00:00:00Z","State":{"Status":"running","Running":true},
        "Config":{"Tty":false,"OpenStdin":true,"Image":"busybox"},"HostConfig":{"NetworkMode":"default"},"Mounts":[],
        "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]},"Networks":{}}}
        """#
    }

    /// A directory, in the numbers of Go's file modes.
    private static var folder: Self {
        var answer = Self.bytes()
        let status = #"{"name":"etc","size":0,"mode":2147484141,"mtime":"2026-11-28T00:00:00Z","linkTarget":""}"#
        answer.headers = [("X-Docker-Container-Path-Stat", Data(status.utf8).base64EncodedString())]
        return answer
    }

    private static func image(_ parts: [String]) -> Self {
        switch parts.last ?? "" {
        case "json" where parts.count == 2: Self(200, "[]")
        case "create", "load", "push": Self(200, "{\"status\":\"done\"}\n")
        case "prune": Self(200, #"{"ImagesDeleted":[],"SpaceReclaimed":0}"#)
        case "get": .bytes()
        case "history": Self(200, "[]")
        case "tag": Self(201)
        default: Self(200, #"{"Id":"sha256:b","RepoTags":["a:1"]}"#)
        }
    }

    private static func network(_ parts: [String]) -> Self {
        switch (parts.count, parts.last ?? "") {
        case (1, _): Self(200, "[\(network("net"))]")
        case (2, "create"): Self(201, #"{"Id":"n1","Warning":""}"#)
        case (2, "prune"): Self(200, #"{"NetworksDeleted":null}"#)
        case (2, let name): Self(200, network(name))
        default: Self(200)
        }
    }

    private static func network(_ name: String) -> String {
        #"{"Id":"id-of-\#(name)","Name":"\#(name)","Driver":"bridge","Scope":"swarm","Created":"2026-11-28T00:00:00Z"}"#
    }

    private static func volume(_ parts: [String]) -> Self {
        switch (parts.count, parts.last ?? "") {
        case (1, _): Self(200, #"{"Volumes":[{"Name":"v1","Driver":"local"}],"Warnings":[]}"#)
        case (2, "create"): Self(201, #"{"Name":"v1"}"#)
        case (2, "prune"): Self(200, #"{"VolumesDeleted":[],"SpaceReclaimed":0}"#)
        default: Self(200, #"{"Name":"\#(parts[1])","Driver":"local"}"#)
        }
    }

    private static func service(_ parts: [String]) -> Self {
        switch (parts.count, parts.last ?? "") {
        case (1, _): Self(200, "[\(service("svc1", webSpec))]")
        case (2, "create"): Self(201, #"{"ID":"svc1"}"#)
        case (3, "update"): Self(200, #"{"Warnings":null}"#)
        case (3, "logs"): .bytes()
        case (_, "job"), (_, "job1"): Self(200, service("job1", jobSpec))
        default: Self(200, service("svc1", webSpec))
        }
    }

    private static func service(_ id: String, _ spec: String) -> String {
        #"""
        {"ID":"\#(id)","Version":{"Index":7},"CreatedAt":"2026-11-28T00:00:00Z","UpdatedAt":"2026-11-28T00:00:00Z",
        "Spec":\#(spec),"Endpoint":{},"ServiceStatus":{"RunningTasks":2,"DesiredTasks":2}}
        """#
    }

    private static let tasks = "[\(task("t1", 1)),\(task("t2", 2))]"

    private static func task(_ id: String, _ slot: Int) -> String {
        #"""
        {"ID":"\#(id)","Version":{"Index":3},"CreatedAt":"2026-11-28T00:00:00Z","UpdatedAt":"2026-11-28T00:00:00Z",
        "Spec":{"ContainerSpec":{"Image":"nginx"}},"ServiceID":"svc1","Slot":\#(slot),"NodeID":"node1",
        "Status":{"State":"running","Timestamp":"2026-11-28T00:00:00Z"},"DesiredState":"running"}
        """#
    }

    private static func swarm(_ parts: [String]) -> Self {
        switch parts.dropFirst().first ?? "" {
        case "":
            Self(
                200,
                #"""
                {"ID":"sw1","Version":{"Index":9},"CreatedAt":"2026-11-28T00:00:00Z","UpdatedAt":"2026-11-28T00:00:00Z",
                "Spec":\#(swarmSpec),"JoinTokens":{"Worker":"W","Manager":"M"}}
                """#)
        case "init": Self(200, #""node1""#)
        case "unlockkey": Self(200, #"{"UnlockKey":"K"}"#)
        default: Self(200)
        }
    }

    /// Secrets or configs of the names that are asked for.
    private static func named(_ kind: String, _ request: RecordedRequest) -> String {
        let text = request.query.first { $0.name == "filters" }?.value ?? "{}"
        // What is no filter names nothing.
        let filters = (try? JSON(parsing: Array(text.utf8))) ?? .null
        let names = filters["name"].members.map(\.name) + filters["name"].strings
        return "["
            + names.map { #"{"ID":"\#(kind)-\#($0)","Version":{"Index":1},"Spec":{"Name":"\#($0)"}}"# }.joined(
                separator: ",")
            + "]"
    }

    private static let distribution = #"""
        {"Descriptor":{"mediaType":"x","digest":"sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","size":1},
        "Platforms":[{"architecture":"amd64","os":"linux"}]}
        """#

    private static let info = #"""
        {"ID":"i","OSType":"linux","IndexServerAddress":"https://index.docker.io/v1/","RegistryConfig":{"IndexConfigs":{}},
        "Swarm":{"NodeID":"node1","NodeAddr":"10.0.0.1","LocalNodeState":"active","ControlAvailable":true,
        "Cluster":{"ID":"sw1","Spec":\#(swarmSpec)}}}
        """#

    private static let node = #"""
        {"ID":"node1","Version":{"Index":5},"CreatedAt":"2026-11-28T00:00:00Z","UpdatedAt":"2026-11-28T00:00:00Z",
        "Spec":\#(nodeSpec),"Description":{"Hostname":"one","Platform":{"Architecture":"x86_64","OS":"linux"},
        "Resources":{},"Engine":{"EngineVersion":"28"},"TLSInfo":{}},"Status":{"State":"ready","Addr":"10.0.0.1"},
        "ManagerStatus":{"Leader":true,"Reachability":"reachable","Addr":"10.0.0.1:2377"}}
        """#
}

// The specifications that `update` commands read, change and send back.
extension RecorderAnswer {
    /// What the object at a path of updates was before.
    static func specification(updatedAt path: String) -> String? {
        switch path {
        case "/services/svc1/update": webSpec
        case "/services/job1/update": jobSpec
        case "/nodes/node1/update": nodeSpec
        case "/swarm/update": swarmSpec
        default: nil
        }
    }

    /// Of the service `web`: something of everything that flags change.
    static let webSpec = #"""
        {"Name":"web","Labels":{"old":"1","kept":"2"},
        "TaskTemplate":{"ContainerSpec":{"Image":"nginx:1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Labels":{"c":"1"},"Args":["run"],"Env":["A=1","B=2"],"Groups":["g1"],"Mounts":[{"Type":"volume","Source":"v",
        "Target":"/v","VolumeOptions":{"NoCopy":true}}],"StopGracePeriod":10000000000,"Hosts":["10.0.0.1 one"],
        "DNSConfig":{"Nameservers":["9.9.9.9"],"Search":["a.example"],"Options":["ndots:1"]},
        "Secrets":[{"File":{"Name":"s0","UID":"0","GID":"0","Mode":292},"SecretID":"sec0","SecretName":"s0"}],
        "Configs":[{"File":{"Name":"f0","UID":"0","GID":"0","Mode":292},"ConfigID":"cfg0","ConfigName":"f0"}],
        "Isolation":"default","Sysctls":{"net.core.somaxconn":"1"},"CapabilityAdd":["CAP_CHOWN"],
        "CapabilityDrop":["CAP_KILL"],"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}]},
        "Resources":{"Limits":{"NanoCPUs":1000000000},
        "Reservations":{"GenericResources":[{"DiscreteResourceSpec":{"Kind":"gpu","Value":1}}]}},
        "Placement":{"Constraints":["node.role==worker"],
        "Preferences":[{"Spread":{"SpreadDescriptor":"node.labels.a"}}]},"Networks":[{"Target":"id-of-n0"}],
        "ForceUpdate":3,"Runtime":"container"},"Mode":{"Replicated":{"Replicas":2}},"UpdateConfig":{"Parallelism":1,
        "FailureAction":"pause","Monitor":1,"MaxFailureRatio":0,"Order":"stop-first"},"EndpointSpec":{"Mode":"vip",
        "Ports":[{"Protocol":"tcp","TargetPort":80,"PublishedPort":8080,"PublishMode":"ingress"}]}}
        """#

    /// Of the service `job`.
    static let jobSpec = #"""
        {"Name":"job","Labels":{"old":"1","kept":"2"},
        "TaskTemplate":{"ContainerSpec":{"Image":"nginx:1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Labels":{"c":"1"},"Args":["run"],"Env":["A=1","B=2"],"Groups":["g1"],"Mounts":[{"Type":"volume","Source":"v",
        "Target":"/v","VolumeOptions":{"NoCopy":true}}],"StopGracePeriod":10000000000,"Hosts":["10.0.0.1 one"],
        "DNSConfig":{"Nameservers":["9.9.9.9"],"Search":["a.example"],"Options":["ndots:1"]},
        "Secrets":[{"File":{"Name":"s0","UID":"0","GID":"0","Mode":292},"SecretID":"sec0","SecretName":"s0"}],
        "Configs":[{"File":{"Name":"f0","UID":"0","GID":"0","Mode":292},"ConfigID":"cfg0","ConfigName":"f0"}],
        "Isolation":"default","Sysctls":{"net.core.somaxconn":"1"},"CapabilityAdd":["CAP_CHOWN"],
        "CapabilityDrop":["CAP_KILL"],"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}]},
        "Resources":{"Limits":{"NanoCPUs":1000000000},
        "Reservations":{"GenericResources":[{"DiscreteResourceSpec":{"Kind":"gpu","Value":1}}]}},
        "Placement":{"Constraints":["node.role==worker"],
        "Preferences":[{"Spread":{"SpreadDescriptor":"node.labels.a"}}]},"Networks":[{"Target":"id-of-n0"}],
        "ForceUpdate":3,"Runtime":"container"},"Mode":{"ReplicatedJob":{"MaxConcurrent":1,"TotalCompletions":2}}}
        """#

    static let nodeSpec = #"{"Labels":{"old":"1"},"Role":"worker","Availability":"active"}"#

    /// The values that a manager of Docker begins with.
    static let swarmSpec = #"""
        {"Name":"default","Labels":{},"Orchestration":{"TaskHistoryRetentionLimit":5},
        "Raft":{"SnapshotInterval":10000,"KeepOldSnapshots":0,"LogEntriesForSlowFollowers":500,"ElectionTick":10,
        "HeartbeatTick":1},"Dispatcher":{"HeartbeatPeriod":5000000000},"CAConfig":{"NodeCertExpiry":7776000000000000},
        "TaskDefaults":{},"EncryptionConfig":{"AutoLockManagers":false}}
        """#
}
