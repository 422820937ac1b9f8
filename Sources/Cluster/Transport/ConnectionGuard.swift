import NIOCore
import NIOSSL
import NIOTLS
import SwiftASN1
import Synchronization
import X509

/// Bounds what the connections to a manager's port cost, above all those of whom nobody knows who they are.
///
/// Who has not shown a member's certificate has a few seconds to do so, some more for the call that an unauthenticated peer may make, few
/// bytes, and few connections. Where there are too many, the oldest goes: a newcomer, who may be an honest node behind the same address, is let in.
final class ConnectionGuard: Sendable {
    struct Limits: Sendable {
        /// Connections of unauthenticated peers, those whose handshake goes on included.
        var unauthenticated = 512
        /// Of one address.
        var unauthenticatedOfOne = 32
        /// Of one member: an agent has three at the most, and those that it has lost end within seconds.
        var ofMember = 16
        /// For the handshake.
        var handshake = TimeAmount.seconds(10)
        /// For all that an unauthenticated peer does, its handshake included.
        var unauthenticatedLifetime = TimeAmount.seconds(30)
        /// What an unauthenticated peer may send.
        var unauthenticatedBytes = 256 << 10
    }

    fileprivate struct Entry {
        let owner: Owner
        let channel: any Channel
    }

    fileprivate enum Owner: Hashable {
        case address(String)
        case member(String)
    }

    fileprivate struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        /// Oldest first.
        var order: [Owner: [ObjectIdentifier]] = [:]
        var unauthenticated = 0
    }

    private let state = Mutex(State())
    let limits: Limits

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// How many connections there are of unauthenticated peers, and of members.
    var counts: (unauthenticated: Int, members: Int) {
        state.withLock { ($0.unauthenticated, $0.entries.count - $0.unauthenticated) }
    }

    /// Watches over a connection that has just been accepted.
    func watch(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
            try pipeline.addHandler(UnauthenticatedPeerHandler(self), position: .after(tls))
            enter(channel)
        }
    }

    private func enter(_ channel: any Channel) {
        let owner = Owner.address(channel.remoteAddress?.ipAddress ?? "")
        close(
            state.withLock { state in
                state.add(ObjectIdentifier(channel), Entry(owner: owner, channel: channel))
                if state.order[owner]?.count ?? 0 > limits.unauthenticatedOfOne { return state.dropOldest(of: owner) }
                guard state.unauthenticated > limits.unauthenticated else { return nil }
                // Whoever has most.
                let most = state.order.filter { $0.key.isUnauthenticated }.max { $0.value.count < $1.value.count }
                return most.flatMap { state.dropOldest(of: $0.key) }
            })
    }

    /// The connection is a member's.
    fileprivate func recognise(_ channel: any Channel, as nodeID: String) {
        let owner = Owner.member(nodeID)
        close(
            state.withLock { state in
                // Closed in the meantime.
                guard state.remove(ObjectIdentifier(channel)) != nil else { return nil }
                state.add(ObjectIdentifier(channel), Entry(owner: owner, channel: channel))
                return state.order[owner]?.count ?? 0 > limits.ofMember ? state.dropOldest(of: owner) : nil
            })
    }

    fileprivate func leave(_ channel: any Channel) {
        state.withLock { _ = $0.remove(ObjectIdentifier(channel)) }
    }

    private func close(_ channel: (any Channel)?) { channel?.close(promise: nil) }
}

extension ConnectionGuard.Owner {
    fileprivate var isUnauthenticated: Bool { if case .address = self { true } else { false } }
}

extension ConnectionGuard.State {
    fileprivate mutating func add(_ id: ObjectIdentifier, _ entry: ConnectionGuard.Entry) {
        entries[id] = entry
        order[entry.owner, default: []].append(id)
        if entry.owner.isUnauthenticated { unauthenticated += 1 }
    }

    @discardableResult
    fileprivate mutating func remove(_ id: ObjectIdentifier) -> (any Channel)? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        order[entry.owner]?.removeAll { $0 == id }
        if order[entry.owner]?.isEmpty == true { order[entry.owner] = nil }
        if entry.owner.isUnauthenticated { unauthenticated -= 1 }
        return entry.channel
    }

    fileprivate mutating func dropOldest(of owner: ConnectionGuard.Owner) -> (any Channel)? {
        order[owner]?.first.flatMap { remove($0) }
    }
}

/// Ends a connection that stays an unauthenticated peer's for too long, or sends too much.
private final class UnauthenticatedPeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connections: ConnectionGuard
    private var deadline: Scheduled<Void>?
    private var bytes = 0
    private var isMember = false

    init(_ connections: ConnectionGuard) { self.connections = connections }

    func handlerAdded(context: ChannelHandlerContext) {
        end(context, in: connections.limits.handshake)
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave(context) }

    func channelInactive(context: ChannelHandlerContext) {
        leave(context)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isMember {
            bytes += unwrapInboundIn(data).readableBytes
            guard bytes <= connections.limits.unauthenticatedBytes else { return context.close(promise: nil) }
        }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            if let nodeID = Self.member(context) {
                isMember = true
                deadline?.cancel()
                connections.recognise(context.channel, as: nodeID)
            } else {
                end(context, in: connections.limits.unauthenticatedLifetime - connections.limits.handshake)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Whom the handshake has proved the other end to be; the certificate has been checked by then.
    private static func member(_ context: ChannelHandlerContext) -> String? {
        // Whatever is missing or cannot be read: an unauthenticated peer.
        guard let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let leaf = tls.peerValidatedCertificateChain?.leaf,
            // What cannot be read is an unauthenticated peer's.
            let bytes = try? leaf.toDERBytes(), let certificate = try? Certificate(derEncoded: bytes),
            let member = try? Member(of: certificate)
        else { return nil }
        return member.nodeID
    }

    private func end(_ context: ChannelHandlerContext, in time: TimeAmount) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    private func leave(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        connections.leave(context.channel)
    }
}
