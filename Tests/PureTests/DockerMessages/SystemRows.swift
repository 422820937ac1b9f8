import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let system: [Row] = [
        Row(UnsupportedError.feature("name"), .notImplemented, "name is not implemented by apus yet"),
        Row(UnsupportedError.features("names"), .notImplemented, "names are not implemented by apus yet"),
        Row(
            UnsupportedError.raftSetting("name"), .notImplemented,
            "name of the swarm's raft is not implemented by apus: etcd keeps the swarm's state"),
    ]
}
