/// A value that one version of Apus writes and another one reads: kept in a file or a store, or sent to another node.
///
/// It travels in a ``Record``, which says its kind and the version of its form. `docs/records.md` has the rules: a field that is new is
/// optional or has a default, and one that is not known is passed over; any other change of the form, its parts' included, counts the
/// version up, moves how the form of before is read to ``earlierForms``, and adds a recorded file of the new version.
package protocol VersionedRecord: Codable, Sendable {
    /// What the envelope calls it. Means this type alone, and never changes once something has been written.
    static var recordKind: String { get }
    /// The version of the form that is written now, from 1 on.
    static var recordVersion: Int { get }
    /// How the form of each earlier version is read, and made into that of now.
    static var earlierForms: [Int: @Sendable (any Decoder) throws -> Self] { get }
}

extension VersionedRecord {
    /// None: there has been one form so far.
    package static var earlierForms: [Int: @Sendable (any Decoder) throws -> Self] { [:] }
}

/// Why a record cannot be read, though it is whole.
package enum RecordError: Error, Equatable, CustomStringConvertible {
    /// A newer version of Apus has written it. The last version of its form that this one reads.
    case newer(kind: String, version: Int, readable: Int)
    /// No version of this program has ever written, or has kept how to read, a form of this number.
    case unknownVersion(kind: String, version: Int)
    /// It is something else.
    case otherKind(String, expected: String)

    package var description: String {
        switch self {
        case .newer(let kind, let version, let readable):
            "a newer version of Apus wrote it: \(kind) in form \(version), of which this version reads up to \(readable)"
        case .unknownVersion(let kind, let version): "\(kind) in form \(version), which this version does not read"
        case .otherKind(let kind, let expected): "it is of kind \(kind), not \(expected)"
        }
    }
}
