import Addressing
import Testing

@testable import NameService

@Suite struct UpstreamMemoryTests {
    @Test func `when many lists are known, the one that was noted first is forgotten`() {
        let memory = UpstreamMemory()
        let begin = ContinuousClock.now
        let lists: [[Upstreams.Server]] = (UInt16(0)..<300).map { number in
            (UInt8(0)..<2).map { Upstreams.Server(IPAddress(192, 0, 2, $0), port: 1000 + number) }
        }
        for (number, list) in lists.enumerated() {
            memory.note(list[1], of: list, raced: false, at: begin + .milliseconds(number))
        }
        let now = begin + .seconds(1)
        let known = lists.filter { memory.plan($0, at: now).order.first == $0[1] }
        #expect(known == Array(lists.suffix(256)))
    }
}
