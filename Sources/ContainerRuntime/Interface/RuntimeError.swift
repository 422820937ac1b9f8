package import Faults

/// What can go wrong between the engine and conmon and the runtimes.
package struct RuntimeError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: Sendable, Equatable {
        /// The program to run does not exist: Docker's exit code 127.
        case commandNotFound
        /// The program to run is not executable: Docker's exit code 126.
        case commandNotExecutable
        /// The user or the group is not in the image's files.
        case unknownUser
        /// A part of the specification that cannot be meant: an unknown capability, sysctl, limit.
        case invalidSpecification
        /// No such container, or none that was created here.
        case noSuchContainer
        /// The container's state does not allow it.
        case wrongState
        /// conmon or the runtime did something else than it should, or did not end in time.
        case runtimeFailed
        /// The reader of a container's output was too slow and was let go.
        case viewerTooSlow
    }

    package let code: Code
    /// In Docker's words where it has some.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var kind: FaultKind {
        switch code {
        case .commandNotFound, .commandNotExecutable, .unknownUser, .invalidSpecification: .invalidInput
        case .noSuchContainer: .notFound
        case .wrongState: .conflict
        case .runtimeFailed, .viewerTooSlow: .internalError
        }
    }

    package var description: String { message }

    /// What a container that could not be started has as its exit code: 126, 127, or 128 for everything else.
    package var exitCode: Int {
        switch code {
        case .commandNotFound: 127
        case .commandNotExecutable: 126
        default: 128
        }
    }
}

extension RuntimeError {
    /// Something that conmon or a runtime does was cancelled after `limit`.
    static func notInTime(_ doing: String, _ limit: Duration) -> RuntimeError {
        RuntimeError(.runtimeFailed, "\(doing) did not end within \(limit)")
    }

    /// Reads the reason of a failed create or exec from the runtime's own words, which is the only place it gives it,
    /// and says it as Docker does: `failed to create shim task: OCI runtime create failed: …: unknown`.
    ///
    /// - Parameter program: The first word of the command.
    package static func failed(
        _ operation: Operation, _ text: String, by runtime: RuntimeName, program: String = ""
    ) -> RuntimeError {
        let plain = plainReason(of: text)
        let reason =
            runtime == .crun ? CrunMessages.translated(plain, of: operation, program: program) : plain
        let code: Code
        if isAboutTheProgram(reason, among: ["executable file not found in $PATH", "no such file or directory"]) {
            code = .commandNotFound
        } else if isAboutTheProgram(reason, among: ["permission denied", "is a directory", "exec format error"]) {
            code = .commandNotExecutable
        } else {
            code = .runtimeFailed
        }
        return RuntimeError(code, "\(operation.rawValue)\(reason): unknown")
    }

    /// What failed, as Docker's messages begin.
    package enum Operation: String, Sendable {
        case create = "failed to create shim task: OCI runtime create failed: "
        case start = "failed to start shim task: OCI runtime start failed: "
        case exec = "OCI runtime exec failed: "
    }

    /// `…: exec: "NAME": REASON` or `…: exec NAME: REASON` (Go's os/exec, and runc's own system call).
    private static func isAboutTheProgram(_ reason: String, among reasons: [String]) -> Bool {
        let parts = reason.split(separator: ": ", omittingEmptySubsequences: false)
        guard parts.contains(where: { $0 == "exec" || $0.hasPrefix("exec ") }) else { return false }
        return reasons.contains { reason.hasSuffix($0) }
    }

    /// The message of the last line that tells an error, which is where a runtime names the cause.
    static func plainReason(of text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).filter { $0.contains { !$0.isWhitespace } }
        guard let line = lines.last(where: { $0.contains("level=error") }) ?? lines.last else {
            return "no reason given"
        }
        return quotedMessage(in: line) ?? String(line)
    }

    /// The value of `msg="…"` in a line of Go's logrus, without its escapes.
    private static func quotedMessage(in line: Substring) -> String? {
        let mark = " msg=\""
        guard let start = line.indices.first(where: { line[$0...].hasPrefix(mark) }) else { return nil }
        var message = ""
        var isEscaped = false
        for character in line.suffix(from: start).dropFirst(mark.count) {
            if isEscaped {
                message.append(character == "n" ? "\n" : character == "t" ? "\t" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                return message
            } else {
                message.append(character)
            }
        }
        return message
    }
}
