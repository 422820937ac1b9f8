package import Faults
import Glibc

/// A system call that failed: its errno and what was being done, with the path or name it was done to.
package struct SystemError: Fault, CustomStringConvertible, Equatable {
    /// errno(3) as the call left it.
    package let errno: CInt
    package let attempting: String

    package init(errno: CInt, attempting: String) {
        self.errno = errno
        self.attempting = attempting
    }

    /// errno(3), as an answer to the one who asked.
    package var kind: FaultKind {
        switch errno {
        case ENOENT: .notFound
        case EEXIST, EBUSY, EADDRINUSE: .conflict
        case EPERM, EACCES: .forbidden
        default: .internalError
        }
    }

    package var description: String { "\(attempting): \(String(cString: strerror(errno)))" }
}

/// Passes a system call's result on, or throws its errno. The call must have been the last thing that happened.
@discardableResult
package func check<Result: SignedInteger>(_ result: Result, _ attempting: @autoclosure () -> String) throws(SystemError)
    -> Result
{
    guard result < 0 else { return result }
    let number = errno
    throw SystemError(errno: number, attempting: attempting())
}

/// Repeats a system call that a signal interrupts.
@discardableResult
package func retrying<Result: SignedInteger>(_ attempting: @autoclosure () -> String, _ call: () -> Result)
    throws(SystemError) -> Result
{
    while true {
        let result = call()
        guard result < 0 else { return result }
        let number = errno
        if number != EINTR { throw SystemError(errno: number, attempting: attempting()) }
    }
}
