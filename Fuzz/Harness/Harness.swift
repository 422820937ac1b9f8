import Glibc

/// What libFuzzer calls: `apus-fuzz` with `APUS_FUZZ=TARGET` feeds each input to one parser. A parser may refuse, but neither end the program
/// nor take long.
enum Harness {
    static let targets: [String: @Sendable ([UInt8]) -> Void] = [
        "probe": Measurements.probe, "block": Measurements.block, "history": Measurements.history,
        "stats": Measurements.stats, "page": Measurements.page,
        "dns": Wires.dns, "netlink": Wires.netlink, "nft": Wires.nft, "node": Wires.node,
        "http": Texts.http, "query": Texts.query, "json": Texts.json, "names": Texts.names, "ps": Texts.ps,
        "logs": Texts.logs, "templates": Texts.templates, "msgpack": Receivers.messagePack,
        "protobuf": Receivers.protobuf,
        "jsoncheck": Receivers.json, "aws": Receivers.credentials, "esp": Packets.esp, "control": Packets.control,
        "oci": Archives.documents, "layer": Archives.layer, "tree": Archives.tree, "archive": Archives.archive,
    ]

    // Set once, before the first input, by the only thread.
    nonisolated(unsafe) static var chosen: ([UInt8]) -> Void = { _ in }

    /// What must hold whatever the input.
    static func demand(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { preconditionFailure(what()) }
    }
}

/// Chooses the parser.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
)
    -> CInt
{
    let name = getenv("APUS_FUZZ").map { String(cString: $0) } ?? ""
    guard let target = Harness.targets[name] else {
        print("APUS_FUZZ: one of \(Harness.targets.keys.sorted().joined(separator: ", "))")
        exit(2)
    }
    Harness.chosen = target
    return 0
}

/// Gives it one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Harness.chosen(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

extension [UInt8] {
    /// Cuts the input where the first byte says, for what comes in pieces.
    var pieces: [ArraySlice<UInt8>] {
        guard let first else { return [] }
        let width = Int(first) + 1
        var rest = dropFirst()
        var pieces: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            pieces.append(rest.prefix(width))
            rest = rest.dropFirst(width)
        }
        return pieces
    }

    /// The first byte chooses, the rest is the input.
    func choice(of count: Int) -> (Int, ArraySlice<UInt8>) { (Int(first ?? 0) % count, dropFirst()) }

    var text: String { String(decoding: self, as: UTF8.self) }
}
