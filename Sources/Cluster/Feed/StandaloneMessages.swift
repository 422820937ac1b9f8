import EngineInterface
import GRPCCore
import Model
import NodeProtocol
import SwiftProtobuf

/// What a node may tell of its containers that belong to no task. Nodes leave out and cut what is longer than a manager keeps; what an honest node
/// never tells is refused.
enum StandaloneMessages {
    /// Bytes of one message, about.
    static let batchBytes = 64 << 10
    static let longestName = 255
    static let longestImage = 512
    /// Containers and ids of one message.
    private static let mostOfMessage = 2 * StandaloneNews.most
    private static let states: Set<String> = [
        "created", "running", "paused", "restarting", "removing", "exited", "dead",
    ]
    private static let healths: Set<String> = ["", "starting", "healthy", "unhealthy"]
    private static let exitCodes = -1...255

    /// News as managers take them, in the order in which they are told.
    static func pieces(_ news: StandaloneNews) -> [Wire.StandaloneNews] {
        var pieces: [Wire.StandaloneNews] = []
        var piece = Wire.StandaloneNews()
        piece.begins = news.isWhole
        piece.leftOut = UInt32(clamping: news.leftOut)
        piece.gone = news.gone
        var bytes = news.gone.count * idBytes
        for container in news.present {
            let sent = wire(container)
            let size = 2 * idBytes + sent.name.utf8.count + sent.image.utf8.count
            if bytes + size > batchBytes, bytes > 0 {
                pieces.append(piece)
                (piece, bytes) = (Wire.StandaloneNews(), 0)
                piece.leftOut = UInt32(clamping: news.leftOut)
            }
            piece.present.append(sent)
            bytes += size
        }
        piece.isComplete = news.isWhole
        return pieces + [piece]
    }

    private static let idBytes = 64

    private static func wire(_ container: StandaloneContainer) -> Wire.StandaloneContainer {
        .with {
            $0.id = container.id
            $0.name = NodeReports.cut(container.name, longestName)
            $0.image = NodeReports.cut(visible(container.image), longestImage)
            $0.state = container.state
            $0.health = container.health
            $0.exitCode = Int64(clamping: min(max(container.exitCode, exitCodes.lowerBound), exitCodes.upperBound))
            $0.created = max(0, container.created.seconds)
            $0.started = max(0, container.started.seconds)
            $0.finished = max(0, container.finished.seconds)
        }
    }

    /// What a node has told in one message.
    struct Told: Equatable {
        /// All are told anew, from this message on.
        var begins = false
        /// All have been told.
        var isComplete = false
        var present: [StandaloneContainer] = []
        var gone: [String] = []
        var leftOut = 0
    }

    /// - Throws: `RPCError` with `.invalidArgument`.
    static func told(_ news: Wire.StandaloneNews, now: Timestamp = .now) throws -> Told {
        guard news.present.count <= mostOfMessage, news.gone.count <= mostOfMessage else {
            throw refusal("\(news.present.count) and \(news.gone.count) containers in one message")
        }
        guard news.gone.allSatisfy(isID) else { throw refusal("what is no id of a container") }
        var told = Told(begins: news.begins, isComplete: news.isComplete, gone: news.gone)
        told.leftOut = Int(clamping: news.leftOut)
        told.present = try news.present.map { sent in
            guard isID(sent.id), isName(sent.name), isImage(sent.image), states.contains(sent.state),
                healths.contains(sent.health), let exitCode = Int(exactly: sent.exitCode),
                exitCodes.contains(exitCode)
            else { throw refusal("what is no container") }
            var container = StandaloneContainer(
                id: sent.id, name: sent.name, image: sent.image, state: sent.state, created: time(sent.created, now))
            container.exitCode = exitCode
            container.finished = time(sent.finished, now)
            container.health = sent.health
            container.started = time(sent.started, now)
            return container
        }
        return told
    }

    /// A node's clock may be off; nothing has happened later than now.
    private static func time(_ seconds: Int64, _ now: Timestamp) -> Timestamp {
        seconds > 0 ? Timestamp(seconds: min(seconds, now.seconds)) : .zero
    }

    static func isID(_ text: String) -> Bool {
        text.utf8.count == idBytes && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// Of the characters that Docker's names are of.
    private static func isName(_ text: String) -> Bool {
        (1...longestName).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }

    private static func isImage(_ text: String) -> Bool {
        text.utf8.count <= longestImage && text.unicodeScalars.allSatisfy(isVisible)
    }

    private static func visible(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: text.unicodeScalars.filter(isVisible))
        return String(kept)
    }

    /// No control character, and none that turns the direction of what is written around it.
    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    private static func refusal(_ what: String) -> RPCError {
        RPCError(code: .invalidArgument, message: "the node tells \(what)")
    }
}
