import Foundation
import Model
import Testing

@Suite struct EndpointModeTests {
    @Test func `an endpoint's mode is read and written as it came, whether there is one or not`() throws {
        for (text, mode) in [
            ("vip", EndpointMode.vip), ("dnsrr", .dnsrr), ("bogus", .other("bogus")), ("", .other("")),
        ] {
            let spec = try WireJSON.decode(EndpointSpec.self, from: Data(#"{"Mode":"\#(text)"}"#.utf8))
            #expect(spec.mode == mode)
            #expect(String(decoding: try WireJSON.encode(spec), as: UTF8.self) == #"{"Mode":"\#(text)"}"#)
        }
        #expect(try WireJSON.decode(EndpointSpec.self, from: Data("{}".utf8)).mode == nil)
    }
}
