import Glibc

/// What the kernel has sockets of.
package enum SocketProtocols {
    /// Whether programs can speak SCTP (sctp(7)). Asking loads the module, where there is one.
    package static var haveSCTP: Bool {
        let number = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(IPPROTO_SCTP))
        if number < 0 { return false }
        close(number)
        return true
    }
}
