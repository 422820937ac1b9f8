/// A program that makes containers, by the name under which a user asks for it (`docker run --runtime`). The order is
/// that of preference: crun is a small C program and takes a third of runc's time.
package enum RuntimeName: String, Sendable, Hashable, Codable, CaseIterable {
    case crun
    case runc
}
