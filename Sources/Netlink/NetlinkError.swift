package import Faults
import Glibc

/// What the kernel refused, or why its answer could not be read.
package struct NetlinkError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart; ``NetlinkError/errno`` says it more exactly.
    package enum Code: String, Sendable {
        /// EEXIST: an object of this key is there already.
        case exists
        /// ENOENT, ENODEV, ESRCH, ENXIO, EADDRNOTAVAIL: there is no such object, or no link of this name.
        case missing
        /// EPERM, EACCES.
        case notPermitted
        /// EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT: this kernel does not have it.
        case notSupported
        /// Any other errno.
        case refused
        /// Bytes that are no netlink message.
        case malformed
        /// No answer within the deadline.
        case timedOut
        /// The socket's buffer overflowed (ENOBUFS), or a dump was interrupted again and again.
        case overrun
    }

    package let code: Code
    /// The request, as in "add route default via 10.0.0.1".
    package let attempting: String
    /// The kernel's errno; `nil` when it was not the kernel that refused.
    package let errno: CInt?
    /// The kernel's own words (NLMSGERR_ATTR_MSG), where it has any.
    package let message: String?

    package init(code: Code, attempting: String, errno: CInt? = nil, message: String? = nil) {
        self.code = code
        self.attempting = attempting
        self.errno = errno
        self.message = message
    }

    /// netlink(7), rtnetlink(7): the errno of a refusal.
    init(refused errno: CInt, attempting: String, message: String? = nil) {
        let code: Code =
            switch errno {
            case EEXIST: .exists
            case ENOENT, ENODEV, ESRCH, ENXIO, EADDRNOTAVAIL: .missing
            case EPERM, EACCES: .notPermitted
            case EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT: .notSupported
            case ENOBUFS: .overrun
            default: .refused
            }
        self.init(code: code, attempting: attempting, errno: errno, message: message)
    }

    package var kind: FaultKind {
        switch code {
        case .exists: .conflict
        case .missing: .notFound
        case .notPermitted: .forbidden
        case .notSupported: .notImplemented
        case .refused, .malformed, .timedOut, .overrun: .internalError
        }
    }

    package var description: String {
        var text = "\(attempting): "
        text += errno.map { String(cString: strerror($0)) } ?? code.rawValue
        if let message { text += " (\(message))" }
        return text
    }
}
