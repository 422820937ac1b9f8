/// Where a container's lines go, and what may be made for them: what the lines of one request share.
struct AWSLogsGroup: Sendable, Hashable {
    var name: String
    var stream: String
    var makesGroup = false
    var makesStream = true
    /// Lines are metrics in CloudWatch's embedded format.
    var isEMF = false

    /// As ``LineEncoder/group``. None of the names has a NUL in it, see ``AWSLogsOptions``.
    var bytes: [UInt8] {
        [makesGroup ? 1 : 0, makesStream ? 1 : 0, isEMF ? 1 : 0] + Array(name.utf8) + [0] + Array(stream.utf8)
    }

    init(name: String, stream: String, makesGroup: Bool = false, makesStream: Bool = true, isEMF: Bool = false) {
        self.isEMF = isEMF
        self.makesGroup = makesGroup
        self.makesStream = makesStream
        self.name = name
        self.stream = stream
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 3 else { return nil }
        (makesGroup, makesStream, isEMF) = (bytes[0] == 1, bytes[1] == 1, bytes[2] == 1)
        let names = bytes.dropFirst(3).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard names.count == 2, let first = names.first, let last = names.last else { return nil }
        name = String(decoding: first, as: UTF8.self)
        stream = String(decoding: last, as: UTF8.self)
    }
}
