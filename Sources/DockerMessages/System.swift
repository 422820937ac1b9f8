import Faults

extension UnsupportedError: MessageConvertible {
    var message: String {
        switch self {
        case .feature(let name):
            "\(name) is not implemented by apus yet"
        case .features(let names):
            "\(names) are not implemented by apus yet"
        case .raftSetting(let name):
            "\(name) of the swarm's raft is not implemented by apus: etcd keeps the swarm's state"
        }
    }
}
