import Testing

/// What was begun is taken back to the end, whatever has become of the task that began it.
@Suite struct UndoTests {
    @Test func `what takes a step back is not cancelled, or says what that does to it`() throws {
        var count = 0
        for file in try SourceTree().files
        where file.path.hasPrefix("Sources/") && !file.isGenerated && file.target != "TestKit" {
            for undo in UndoRule.undos(in: file.lines) {
                count += 1
                for number in undo.awaits {
                    Issue.record("\(file.path):\(number + 1) takes a step back and can be cancelled meanwhile")
                }
            }
        }
        #expect(count > 50, "the rule sees what there is")
    }

    /// The number of the line that awaits in the open, and the text.
    @Test(arguments: [
        (
            2,
            """
            do { try await make(id) } catch {
                log.debug("not made", metadata: ["error": "\\(error)"])
                await remove(id)
                throw error
            }
            """
        ),
        (
            4,
            """
                do {
                    try await make(id)
                } catch let error as SystemError
                    where error.errno == ENOENT {
                    do { try await remove(id) } catch let second {
                        log.error("it stays", metadata: ["error": "\\(second)"])
                    }
                    throw Failure(
                        id, cause: error
                    )
                }
            """
        ),
        (
            4,
            """
            do {
                try await make(id)
            } catch {
                await uncancelled { await self.remove(id) }
                await forget(id)
                throw error
            }
            """
        ),
        (
            3,
            """
            do {
                try await make(id)
            } catch is CancellationError {
                await remove(id)
            }
            """
        ),
        (
            4,
            """
            do {
                try await make(id)
            } catch {
                // It is of no use any more.
                await remove(id)
                throw error
            }
            """
        ),
        (0, "do { try await make(id) } catch is CancellationError { await remove(id) } catch { throw error }"),
    ])
    func `an undo that can be cancelled is found`(line: Int, text: String) {
        #expect(Self.awaits(text) == [line])
    }

    @Test(arguments: [
        // Taken back to the end.
        """
        do {
            try await make(id)
        } catch {
            let failure = error
            try await uncancelled { [self] in
                if failure.isGrave { try await remove(id) }
                try await forget(id)
            }
            try? await onThread(stackBytes: 4096) { try Files.removeTree(path) }
            throw error
        }
        """,
        // Explained.
        """
        do {
            try await make(id)
        } catch {
            // Heeds no cancellation.
            try await remove(id)
            throw error
        }
        """,
        // Tried again.
        """
        do {
            try await make(id)
        } catch {
            guard attempt < 3 else { throw error }
            try await Task.sleep(for: pause)
        }
        """,
        // Another way round.
        """
        do { return try await make(id) } catch let error where !(error is CancellationError) {
            guard let known = await find(id) else { throw error }
            return known
        }
        """,
        // Asked, and told otherwise.
        """
        do { return try find(id) } catch let error as Fault
            where error.kind == .notFound
        {
            guard await isMember() else { throw error }
            throw Failure(id, cause: error)
        }
        """,
        // Nothing is awaited.
        """
        do { try await make(id) } catch is CancellationError { return } catch {
            log.error("await remove(id)")
            throw error
        }
        await remove(id)
        """,
    ])
    func `what is taken back to the end, and what is no undo, is let through`(text: String) {
        #expect(Self.awaits(text).isEmpty)
    }

    private static func awaits(_ text: String) -> [Int] {
        UndoRule.undos(in: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
            .flatMap(\.awaits)
    }
}
