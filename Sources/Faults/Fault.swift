/// What an error means to the one who asked, whatever part of the program it comes from.
///
/// The HTTP edge turns a kind into a status, the gRPC edge into a code; both do it in one exhaustive switch.
package enum FaultKind: String, Sendable, Codable {
    /// The request itself is wrong: 400.
    case invalidInput
    /// The named object does not exist: 404.
    case notFound
    /// The object's present state does not allow it, or a name is taken: 409.
    case conflict
    /// The object already is as asked: 304.
    case notModified
    /// Not allowed for this caller or this object: 403.
    case forbidden
    /// Apus does not do this (yet): 501.
    case notImplemented
    /// Cannot be answered at present, as on a node that is in no swarm: 503.
    case unavailable
    /// A fault of ours or of the system: 500.
    case internalError
}

/// An error that says what it means to whoever asked.
///
/// What the domain refuses are cases with what they are about, and no text: how a client reads them is written in `DockerMessages`. Printed, as
/// logs do, a case says its name and its values. Errors of the machinery below (kernel, store, registry) have texts of their own.
package protocol Fault: Error {
    /// What it means to whoever asked; says which status an edge answers with.
    var kind: FaultKind { get }
}

/// A refusal with the very words the client is to read, as Docker's clients match on some of them. For the edges, which know who reads.
package struct APIError: Fault, CustomStringConvertible, Equatable {
    package let kind: FaultKind
    package let message: String

    package init(_ kind: FaultKind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }
}

/// Several faults of one operation that kept going, as teardown does.
package struct FaultList: Fault, CustomStringConvertible {
    package private(set) var faults: [any Error] = []

    package init() {}

    package var kind: FaultKind { faults.lazy.compactMap { ($0 as? any Fault)?.kind }.first ?? .internalError }
    package var description: String { faults.map { "\($0)" }.joined(separator: "; ") }

    /// Runs one step and keeps its error for later.
    package mutating func attempt(_ step: () throws -> Void) {
        do { try step() } catch { faults.append(error) }
    }

    /// Keeps an error that a step of the caller's has met.
    package mutating func add(_ error: any Error) { faults.append(error) }

    /// Throws this list unless every step succeeded.
    package func throwIfAny() throws {
        if !faults.isEmpty { throw self }
    }
}
