import DockerTypes
import Faults
import Foundation
import Model
import Testing

@Suite struct QueryTests {
    /// Each level of a filter costs the decoder as much as all those around it.
    @Test func `a filter that is nested without an end is refused`() throws {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let text = String(repeating: open, count: 400) + "1" + String(repeating: close, count: 400)
            let query = Query(["filters": [text]])
            #expect(throws: APIError.self) { try query.filters() }
            let value = Data(
                ([String](repeating: open, count: 30) + ["1"] + [String](repeating: close, count: 30)).joined().utf8)
            _ = try JSONDecoder().decode(JSONValue.self, from: value)
        }
    }

    @Test func `values are unescaped, and what is no escape stays`() {
        let query = Query(parsing: "a=1%2C2&b=x+y&c&d=%zz&a=3&e=%")
        #expect(query["a"] == "1,2")
        #expect(query.values["a"] == ["1,2", "3"])
        #expect(query["b"] == "x y")
        #expect(query["c"] == "")
        #expect(query["d"] == "%zz")
        #expect(query["e"] == "%")
    }

    @Test(arguments: [
        ("1", true), ("true", true), ("True", true), ("0", false), ("false", false), ("", false), ("no", false),
        ("none", false), ("x", true),
    ])
    func `a flag means what Docker takes it for`(text: String, meaning: Bool) {
        #expect(Query(["f": [text]]).flag("f") == meaning)
        #expect(Query([:]).flag("f") == false)
    }

    @Test func `filters come as lists and as sets`() throws {
        #expect(try Query(["filters": [#"{"label":["a=b","c"]}"#]]).filters() == ["label": ["a=b", "c"]])
        #expect(try Query(["filters": [#"{"service":{"web":true}}"#]]).filters() == ["service": ["web"]])
        #expect(try Query(["filters": ["{}"]]).filters() == [:])
        #expect(try Query(["filters": ["null"]]).filters() == [:])
        #expect(try Query([:]).filters() == [:])
    }

    @Test(arguments: [
        ("bogus", "invalid character 'b' looking for beginning of value"), ("{\"a\":", "unexpected EOF"),
        ("foo", "invalid character 'o' in literal false (expecting 'a')"),
        ("{} x", "invalid character 'x' after top-level value"), ("[1]", "invalid filter"),
        ("{\"a\":[1]}", "invalid filter 'a'"), ("{\"a\":5}", "invalid filter 'a'"),
    ])
    func `filters that are none are refused`(text: String, words: String) {
        #expect(throws: APIError(.invalidInput, words)) { try Query(["filters": [text]]).filters() }
    }

    @Test(arguments: [
        ("", "invalid syntax"), ("x", "invalid syntax"), ("-1", "invalid syntax"), ("+5", "invalid syntax"),
        ("18446744073709551616", "value out of range"),
    ])
    func `a version is a number of 64 bits without a sign`(text: String, fault: String) throws {
        let words = "invalid node version '\(text)': strconv.ParseUint: parsing \"\(text)\": \(fault)"
        #expect(throws: APIError(.invalidInput, words)) { try Query(["version": [text]]).version(of: "node") }
        #expect(try Query(["version": ["18446744073709551615"]]).version(of: "node") == .max)
    }

    @Test func `a number that does not fit is told from what is none`() throws {
        let large = "-99999999999999999999"
        #expect(throws: APIError(.invalidInput, "strconv.Atoi: parsing \"\(large)\": value out of range")) {
            try Query(["limit": [large]]).number("limit")
        }
        #expect(throws: APIError(.invalidInput, "strconv.Atoi: parsing \"-\": invalid syntax")) {
            try Query(["limit": ["-"]]).number("limit")
        }
    }

    @Test func `moments are seconds with a fraction, or RFC 3339`() throws {
        let query = Query([
            "a": ["1136073600.000000001"], "b": ["2026-11-23T06:21:52Z"], "c": ["0"], "d": ["x"], "e": ["5.5"],
        ])
        #expect(try query.timestamp("a") == Timestamp(seconds: 1_136_073_600, nanoseconds: 1))
        #expect(try query.timestamp("b")?.description == "2026-11-23T06:21:52Z")
        #expect(try query.timestamp("c") == nil)
        #expect(try query.timestamp("e") == Timestamp(seconds: 5, nanoseconds: 500_000_000))
        #expect(throws: APIError.self) { try query.timestamp("d") }
    }

    @Test(arguments: [
        (#"{"os":"linux","architecture":"arm64"}"#, "linux/arm64"),
        (#"{"OS":"linux","Architecture":"arm","variant":"v7","os.version":"1"}"#, "linux/arm/v7"),
    ])
    func `a platform is an object of JSON`(text: String, platform: String) throws {
        #expect(try Query(["platform": [text]]).platform("platform") == platform)
        #expect(try Query(["platforms": [text, text]]).platforms("platforms") == [platform, platform])
        #expect(try Query(["platform": [""]]).platform("platform") == nil)
        #expect(try Query([:]).platforms("platforms").isEmpty)
    }

    @Test(arguments: [
        ("linux", "failed to parse platform: invalid character 'l' looking for beginning of value"),
        ("", "failed to parse platform: unexpected end of JSON input"),
        (#"{"os":"#, "failed to parse platform: unexpected end of JSON input"),
        ("[]", "failed to parse platform: json: cannot unmarshal array into Go value of type v1.Platform"),
        (
            #"{"os":1}"#,
            "failed to parse platform: json: cannot unmarshal number into Go struct field Platform.os of type string"
        ),
        ("null", "both OS and Architecture must be provided"),
        (#"{"os":"linux"}"#, "both OS and Architecture must be provided"),
        (#"{"variant":"v7"}"#, "optional platform fields provided, but OS and Architecture are missing"),
    ])
    func `a platform that is none is refused`(text: String, words: String) {
        #expect(throws: APIError(.invalidInput, words)) { try Query(["p": [text]]).platforms("p") }
    }

    @Test func `versions are split off the path, and only those we speak are taken`() throws {
        #expect(APIVersion.split(path: "/v1.41/info").version == APIVersion(1, 41))
        #expect(APIVersion.split(path: "/v1.41/info").rest == "/info")
        #expect(APIVersion.split(path: "/volumes").version == nil)
        #expect(APIVersion.split(path: "/volumes").rest == "/volumes")
        #expect(APIVersion.split(path: "/v1.x/info").version == nil)
        try APIVersion(1, 24).requireSupported()
        try APIVersion(1, 50).requireSupported()
        #expect(throws: APIError.self) { try APIVersion(1, 51).requireSupported() }
        #expect(throws: APIError.self) { try APIVersion(1, 23).requireSupported() }
    }

    @Test func `a body's faults are told in Go's words`() throws {
        func words(_ text: String) -> String {
            let body = Data(text.utf8)
            do {
                _ = try WireJSON.decode(NetworkRequest.self, from: body)
                return "taken"
            } catch let error as DecodingError {
                return GoWords.decodingError(error, in: body, named: "NetworkCreateRequest")
            } catch { return "\(error)" }
        }
        #expect(
            words(#"{"Name":5}"#)
                == "json: cannot unmarshal number into Go struct field NetworkCreateRequest.Name of type string")
        #expect(
            words(#"{"Internal":"x"}"#)
                == "json: cannot unmarshal string into Go struct field NetworkCreateRequest.Internal of type bool")
        // Keys of maps are no fields, and stay as they are where a value is looked for.
        #expect(
            words(#"{"Labels":{"A":"","a":5}}"#)
                == "json: cannot unmarshal number into Go struct field NetworkCreateRequest.Labels of type string")
        #expect(words(#"{"Name":"#) == "unexpected EOF")
        #expect(words("x") == "invalid character 'x' looking for beginning of value")
        #expect(words("{}") == "taken")
        #expect(words("[]") == "json: cannot unmarshal array into Go value of type NetworkCreateRequest")
    }

    @Test func `a number that its field cannot hold is not called a fault of the JSON`() throws {
        for number in ["-1", "1.5", "99999999999999999999"] {
            let body = Data(#"{"Mode":{"Replicated":{"Replicas":\#(number)}}}"#.utf8)
            #expect {
                _ = try WireJSON.decode(ServiceSpec.self, from: body)
            } throws: { error in
                (error as? DecodingError).map { GoWords.decodingError($0, in: body, named: "ServiceSpec") }
                    == "json: cannot unmarshal number into Go value of type ServiceSpec"
            }
        }
    }
}

@Suite struct DetachKeysTests {
    private func pass(_ filter: inout DetachFilter, _ bytes: [UInt8]) -> ([UInt8], Bool) {
        let result = filter.pass(bytes)
        return (result.output, result.detaches)
    }

    @Test func `keys are found across pieces, and half a match is passed on`() throws {
        var filter = DetachFilter(.standard)
        #expect(pass(&filter, [1, 16]) == ([1], false))
        #expect(pass(&filter, [5]) == ([16, 5], false))
        #expect(pass(&filter, [16]) == ([], false))
        #expect(pass(&filter, [16, 16]) == ([16, 16], false))
        #expect(pass(&filter, [17, 9]) == ([], true))
    }

    @Test func `keys are read as Docker writes them`() throws {
        #expect(try DetachKeys("ctrl-p,ctrl-q") == .standard)
        #expect(try DetachKeys("a,ctrl-@,ctrl-[").sequence == [97, 0, 27])
        #expect(throws: APIError.self) { try DetachKeys("ctrl-1") }
        #expect(throws: APIError.self) { try DetachKeys("ab") }
        #expect(throws: APIError.self) { try DetachKeys("") }
    }

    /// Whatever comes, nothing is lost, invented or reordered before the keys.
    @Test func `what is passed is what came, up to the keys`() {
        let seed = UInt64.random(in: .min ... .max)
        var state = seed
        for _ in 0..<2000 {
            var filter = DetachFilter(.standard)
            var sent: [UInt8] = []
            var passed: [UInt8] = []
            var detached = false
            while sent.count < 12, !detached {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let byte = [UInt8(16), 17, 65][Int(state >> 33) % 3]
                sent.append(byte)
                let result = filter.pass([byte])
                passed += result.output
                detached = result.detaches
            }
            if detached {
                #expect(passed + [16, 17] == sent, "seed \(seed)")
            } else {
                #expect(sent.starts(with: passed) && sent.count - passed.count <= 1, "seed \(seed)")
            }
        }
    }

    @Test func `a frame's header says stream and length`() {
        #expect(StreamFrame.header(stream: 2, length: 0x0102_0304) == [2, 0, 0, 0, 1, 2, 3, 4])
    }
}
