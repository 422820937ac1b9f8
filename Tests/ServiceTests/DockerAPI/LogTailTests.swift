import Faults
import Testing

@testable import DockerAPI

/// How many lines of logs are asked for.
@Suite struct LogTailTests {
    @Test func `a tail that is no number means all of a container, and is refused of services and tasks, as in Docker`()
        throws
    {
        for isOfSwarm in [false, true] {
            for text in [nil, "", "all"] { #expect(try LogAnswer.tail(text, ofSwarm: isOfSwarm) == nil) }
            #expect(try LogAnswer.tail("0", ofSwarm: isOfSwarm) == 0)
            #expect(try LogAnswer.tail("12", ofSwarm: isOfSwarm) == 12)
        }
        for text in ["abc", "-1", "1.5", "99999999999999999999"] {
            #expect(try LogAnswer.tail(text, ofSwarm: false) == nil)
        }
        for text in ["abc", "1.5", "99999999999999999999"] {
            #expect(throws: APIError(.invalidInput, "tail value must be a positive integer or \"all\"")) {
                try LogAnswer.tail(text, ofSwarm: true)
            }
        }
        #expect(throws: APIError(.invalidInput, "negative tail values not supported")) {
            try LogAnswer.tail("-1", ofSwarm: true)
        }
    }
}
