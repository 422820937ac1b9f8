import EngineInterface
import Model
import Testing

@testable import Engine

/// What a node knows to tell of its containers that belong to no task.
@Suite struct StandaloneJournalTests {
    private func container(_ id: Int, _ state: String = "running") -> StandaloneContainer {
        StandaloneContainer(
            id: "\(id)", name: "n\(id)", image: "busybox", state: state, created: Timestamp(seconds: Int64(id)))
    }

    @Test func `all of them at first, and then what is other, once however often it has changed`() {
        var journal = StandaloneJournal()
        for id in 1...3 { journal.note("\(id)", container(id)) }
        let all = journal.news(after: nil)
        #expect(all.isWhole && all.present.map(\.id) == ["1", "2", "3"] && all.gone.isEmpty && all.leftOut == 0)
        // What is as it was, and a task's container, is no change.
        journal.note("1", container(1))
        journal.note("9", nil)
        #expect(journal.last == all.place)
        for state in ["paused", "running", "exited"] { journal.note("1", container(1, state)) }
        journal.note("2", nil)
        journal.note("4", container(4))
        journal.note("4", nil)
        let news = journal.news(after: all.place)
        #expect(!news.isWhole && news.present == [container(1, "exited")] && news.gone == ["2", "4"])
        #expect(journal.news(after: news.place) == StandaloneNews(place: news.place, isWhole: false))
        // A place of another daemon's, or of before what is remembered: everything.
        #expect(journal.news(after: news.place + 1).isWhole)
        for _ in 0..<StandaloneJournal.mostKept {
            journal.note("1", container(1))
            journal.note("1", container(1, "exited"))
        }
        #expect(journal.news(after: news.place).isWhole && !journal.news(after: journal.last - 1).isWhole)
    }

    @Test func `of too many those that were there first are told, and others once there is room`() throws {
        var journal = StandaloneJournal()
        let most = StandaloneNews.most
        for id in 1...(most + 2) { journal.note("\(id)", container(id)) }
        let all = journal.news(after: nil)
        #expect(all.present.count == most && all.leftOut == 2 && all.present.last?.id == "\(most)")
        journal.note("\(most + 1)", container(most + 1, "exited"))
        #expect(journal.last == all.place)
        // One more of them is.
        journal.note("\(most + 3)", container(most + 3))
        #expect(journal.news(after: all.place).leftOut == 3 && journal.last > all.place)
        journal.note("\(most + 3)", nil)
        journal.note("7", nil)
        let news = journal.news(after: all.place)
        #expect(news.gone == ["7"] && news.leftOut == 1)
        let next = try #require(news.present.first)
        #expect(news.present.count == 1 && Int(next.id, radix: 10) ?? 0 > most)
    }

    @Test func `records of containers tell of themselves, and those of tasks do not`() async throws {
        try await LifeFixture.run { life in
            try await life.make("one")
            try await life.make("two") { record in
                record.task = ContainerRecord.TaskReference(
                    taskID: "t", serviceID: "s", serviceName: "web", ports: [])
            }
            var news = try await life.table.standalone(after: nil)
            #expect(news.present.map(\.name) == ["name-one"] && news.present.first?.state == "created")
            // Who waits is woken by the next change.
            let place = news.place
            async let next = life.table.standalone(after: place)
            try await life.table.update("one") { $0.name = "other" }
            news = try await next
            #expect(!news.isWhole && news.present.map(\.name) == ["other"])
            try await life.table.update("one") { $0.restartCount += 1 }
            try await life.table.remove("two")
            try await life.table.remove("one")
            news = try await life.table.standalone(after: news.place)
            #expect(news.present.isEmpty && news.gone == ["one"])
        }
    }

    @Test func `its state is worded as in docker ps`() {
        var container = container(1)
        container.started = Timestamp(seconds: 100)
        container.health = "unhealthy"
        #expect(container.status(now: Timestamp(seconds: 104)) == "Up 4 seconds (unhealthy)")
        container.state = "exited"
        container.exitCode = 3
        container.finished = Timestamp(seconds: 44)
        #expect(container.status(now: Timestamp(seconds: 104)) == "Exited (3) About a minute ago")
    }
}
