import Crypto
import Foundation
import Testing

@testable import Dashboard

/// What is part of the program is what is in the folder.
@Suite struct PageFileTests {
    private static let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let assets = top.appending(path: "Sources/Dashboard/Assets")

    @Test func `every file of the page is in the program, as it is`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.assets.path).filter { !$0.hasPrefix(".") }
        #expect(Set(names).union(["preact.js", "licences.txt"]) == Set(PageFiles.all.keys))
        for name in names {
            let bytes = try Data(contentsOf: Self.assets.appending(path: name))
            #expect(PageFiles.all[name].map { Data($0.bytes.readableBytesView) } == bytes, "\(name) is of another time")
        }
    }

    @Test func `the library is the one that is known, and its licences come along`() throws {
        let library = try #require(PageFiles.all["preact.js"])
        let digest = SHA256.hash(data: Data(library.bytes.readableBytesView)).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }
        #expect(digest.joined() == "2ad4f06c517e968b6382c26262363ebb89ebd7bcf3f7dc29a8368fe5b542861b")
        let licences = try #require(PageFiles.all["licences.txt"])
        let text = String(buffer: licences.bytes)
        #expect(text.contains("Jason Miller") && text.contains("Apache License"))
    }

    @Test func `every module is asked for at once, not one after the other`() throws {
        let page = String(buffer: try #require(PageFiles.all["index.html"]).bytes)
        for name in PageFiles.all.keys where name.hasSuffix(".js") {
            #expect(page.contains("\"/a/\(name)\""), "index.html does not name \(name)")
        }
    }

    @Test func `files are short, and the first load is small`() throws {
        for (name, file) in PageFiles.all where name.hasSuffix(".js") && name != "preact.js" {
            let lines = String(buffer: file.bytes).split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 300, "\(name) has \(lines) lines")
        }
        let first = PageFiles.all.values.filter { $0.name != "licences.txt" }
            .reduce(0) { $0 + ($1.compressed ?? $1.bytes).readableBytes }
        #expect(first < 150_000, "\(first) bytes")
    }
}
