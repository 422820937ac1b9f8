/// What a request asks for, Docker has and Apus does not: refused by name, so that nobody believes it is in force.
package enum UnsupportedError: Fault, Equatable {
    case feature(String)
    case features(String)
    case raftSetting(String)

    package var kind: FaultKind { .notImplemented }
}
