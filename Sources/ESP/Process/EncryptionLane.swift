import CESP
import Glibc
import LinuxSystem

/// What the state's keeper is woken up for.
enum KeeperEvent: Sendable {
    case lane(LaneEvent)
    case snapshotTaken
    /// A thread could not begin.
    case failed(SystemError)
}

/// A sending and a receiving thread. They block, so they are the process's own threads.
final class EncryptionLane {
    let number: Int
    let sender: ThreadMailbox<SenderCommand>
    let receiver: ThreadMailbox<ReceiverCommand>
    private var threads: [pthread_t] = []

    init(number: Int, events: ThreadMailbox<KeeperEvent>) throws(SystemError) {
        self.number = number
        let sender = try ThreadMailbox<SenderCommand>()
        let receiver = try ThreadMailbox<ReceiverCommand>()
        (self.sender, self.receiver) = (sender, receiver)
        let tell: @Sendable (LaneEvent) -> Void = { events.post(.lane($0)) }
        threads.append(
            try startThread {
                cesp_name_thread("esp-send-\(number)")
                do throws(SystemError) {
                    var thread = try Sender(mailbox: sender, events: tell)
                    thread.run()
                } catch { events.post(.failed(error)) }
            })
        threads.append(
            try startThread {
                cesp_name_thread("esp-receive-\(number)")
                do throws(SystemError) {
                    var thread = try Receiver(mailbox: receiver, lane: number, events: tell)
                    thread.run()
                } catch { events.post(.failed(error)) }
            })
    }

    /// Ends both threads, and waits for that.
    func stop() {
        sender.post(.stop)
        receiver.post(.stop)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }
}
