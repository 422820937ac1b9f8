import Foundation
import Model
import TestKit
import Testing

@testable import Engine

/// A container's life: every phase's answer to every event, what clients see of it, and how it is kept.
@Suite struct ContainerPhaseTests {
    private static let began = Timestamp(seconds: 1000)
    private static let now = Timestamp(seconds: 2000)
    private static let run = ContainerPhase.Run(pid: 7, startedAt: began)
    private static let before = ContainerPhase.Exit(
        code: 3, startedAt: Timestamp(seconds: 500), finishedAt: Timestamp(seconds: 600), cause: .itself)

    private static func stopping(_ by: StopCause, isFrozen: Bool = false) -> ContainerPhase {
        .stopping(run, ContainerPhase.Stop(by: by, deadline: nil, isFrozen: isFrozen))
    }

    /// The columns of the table.
    private static let phases: [ContainerPhase] = [
        .created(nil), .created(.failed(code: 127, error: "no")), .starting(.init()),
        .starting(.init(isRestart: true, before: before)), .running(run), .paused(run), stopping(.user),
        stopping(.user, isFrozen: true), stopping(.restart), .restarting(at: now, before), .exited(before),
        .removing(before), .dead(before, reason: "busy"),
    ]

    /// The columns of the other table: places that are passed through seldom.
    private static let rarePhases: [ContainerPhase] = [
        .created(.interrupted), .starting(.init(stop: .init(by: .user, deadline: nil))),
        .starting(.init(isRestart: true, stop: .init(by: .restart, deadline: nil), before: before)), .running(ended),
        .stopping(ended, .init(by: .user, deadline: nil)), stopping(.unhealthy), .exited(over(.user)),
        .exited(over(.unhealthy)), .exited(over(.startFailed)), .exited(over(.lost)), .removing(nil),
        .dead(nil, reason: "busy"),
    ]

    /// Its end is on record, and not settled.
    private static let ended = ContainerPhase.Run(
        pid: 7, startedAt: began, end: ProcessEnd(code: 4, wasOutOfMemory: false))

    private static func over(_ cause: ExitCause) -> ContainerPhase.Exit {
        var exit = before
        exit.cause = cause
        return exit
    }

    private static let events: [(String, ContainerEvent)] = [
        ("start", .startRequested), ("started", .started(pid: 8, at: now)),
        ("start failed", .startFailed(code: 126, error: "no", at: now)),
        ("stop", .stopRequested(by: .user, deadline: now)),
        ("unhealthy", .stopRequested(by: .unhealthy, deadline: nil)),
        ("restart", .stopRequested(by: .restart, deadline: nil)),
        ("force", .stopRequested(by: .removal, deadline: nil)), ("abandoned", .restartAbandoned), ("frozen", .frozen),
        ("thawed", .thawed), ("killed", .memoryKilled(runOf: began)),
        ("ended", .processEnded(ProcessEnd(code: 9, wasOutOfMemory: true))),
        ("over", .settled(at: now, restartAfter: nil)), ("again", .settled(at: now, restartAfter: .seconds(1))),
        ("adopted", .adopted(isAlive: true)), ("lost", .lost(at: now)), ("remove", .removalBegan),
        ("remains", .removalFailed("busy")),
    ]

    /// One line an event, one cell a phase: `-` changes nothing, `!x` is a refusal, `phase>effects` what it comes to.
    private static let table = """
        start:        starting>bringUp starting>bringUp starting>bringUp again>bringUp !running !paused !running !paused !running again>bringUp starting>bringUp !beingRemoved !beingRemoved
        started:      - - running>publishStart+watch running>publishStart+watch - - - - - - - - -
        start failed: - - failed>release.over+temporary exited:startFailed>release.over+temporary exited:startFailed>release.over+temporary exited:startFailed>release.over+temporary exited:user>release.over+temporary exited:user>release.over+temporary exited:user>release.over+temporary - - - -
        stop:         !notRunning !notRunning starting:user>await again:user>await stopping:user>signal stopping:user~>signal stopping:user>signal stopping:user~>signal stopping:restart>signal exited:user>release.over !notRunning !notRunning !notRunning
        unhealthy:    !notRunning !notRunning starting:unhealthy>await again:unhealthy>await stopping:unhealthy>signal stopping:unhealthy~>signal stopping:unhealthy>signal stopping:unhealthy~>signal stopping:unhealthy>signal exited:unhealthy>release.over !notRunning !notRunning !notRunning
        restart:      !notRunning !notRunning starting:restart>await again:restart>await stopping:restart>signal stopping:restart~>signal stopping:restart>signal stopping:restart~>signal stopping:restart>signal exited:user>release.over !notRunning !notRunning !notRunning
        force:        !notRunning !notRunning starting:removal>await again:removal>await stopping:removal>signal stopping:removal~>signal stopping:removal>signal stopping:removal~>signal stopping:removal>signal exited:user>release.over !notRunning !notRunning !notRunning
        abandoned:    - - - - - - - - stopping:user - - - -
        frozen:       !notRunning !notRunning !notRunning !notRunning paused !paused stopping:user~ !paused stopping:restart~ !notRunning !notRunning !notRunning !notRunning
        thawed:       !notPaused !notPaused !notPaused !notPaused !notPaused running !notPaused stopping:user !notPaused !notPaused !notPaused !notPaused !notPaused
        killed:       - - - - running! paused! stopping:user! stopping:user~! stopping:restart! - - - -
        ended:        - - - - running.>settle paused.>settle stopping:user.>settle stopping:user~.>settle stopping:restart.>settle - - - -
        over:         - - - - exited:itself>end+release.over+temporary exited:itself>end+release.over+temporary exited:user>end+release.over+temporary exited:user>end+release.over+temporary restarting>end+release.over - - - -
        again:        - - - - restarting>end+release+restart restarting>end+release+restart exited:user>end+release.over+temporary exited:user>end+release.over+temporary restarting>end+release.over - - - -
        adopted:      - - - - - - - - stopping:user - - - -
        lost:         - - interrupted exited:lost exited:lost exited:lost exited:user exited:user exited:user - - - -
        remove:       removing>destroy removing>destroy removing>destroy removing>destroy !running !paused !running !paused !running removing>destroy removing>destroy removing>destroy removing>destroy
        remains:      - - - - - - - - - - - dead -
        """

    private static let rareTable = """
        start:        starting>bringUp starting>bringUp again>bringUp !running !running !running starting>bringUp starting>bringUp starting>bringUp starting>bringUp !beingRemoved !beingRemoved
        started:      - stopping:user>publishStart+watch stopping:restart>publishStart+watch - - - - - - - - -
        start failed: - failed>release.over+temporary exited:user>release.over+temporary exited:startFailed>release.over+temporary exited:user>release.over+temporary exited:unhealthy>release.over+temporary - - - - - -
        stop:         !notRunning starting:user>await again:restart>await stopping:user.>signal stopping:user.>signal stopping:unhealthy>signal !notRunning !notRunning !notRunning !notRunning !notRunning !notRunning
        unhealthy:    !notRunning starting:unhealthy>await again:unhealthy>await stopping:unhealthy.>signal stopping:unhealthy.>signal stopping:unhealthy>signal !notRunning !notRunning !notRunning !notRunning !notRunning !notRunning
        restart:      !notRunning starting:restart>await again:restart>await stopping:restart.>signal stopping:restart.>signal stopping:unhealthy>signal !notRunning !notRunning !notRunning !notRunning !notRunning !notRunning
        force:        !notRunning starting:removal>await again:removal>await stopping:removal.>signal stopping:removal.>signal stopping:removal>signal !notRunning !notRunning !notRunning !notRunning !notRunning !notRunning
        abandoned:    - - again:user - - - - - - - - -
        frozen:       !notRunning !notRunning !notRunning paused. stopping:user~. stopping:unhealthy~ !notRunning !notRunning !notRunning !notRunning !notRunning !notRunning
        thawed:       !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused !notPaused
        killed:       - - - running!. stopping:user!. stopping:unhealthy! - - - - - -
        ended:        - - - running.>settle stopping:user.>settle stopping:unhealthy.>settle - - - - - -
        over:         - - - exited:itself>end+release.over+temporary exited:user>end+release.over+temporary exited:unhealthy>end+release.over+temporary - - - - - -
        again:        - - - restarting>end+release+restart exited:user>end+release.over+temporary exited:unhealthy>end+release.over+temporary - - - - - -
        adopted:      - - again:user - - - - - - - - -
        lost:         - created exited:user exited:itself exited:user exited:unhealthy - - - - - -
        remove:       removing>destroy removing>destroy removing>destroy !running !running !running removing>destroy removing>destroy removing>destroy removing>destroy removing>destroy removing>destroy
        remains:      - - - - - - - - - - dead -
        """

    @Test func `every phase has its answer to every event`() throws {
        try Self.expect(Self.table, of: Self.phases)
    }

    @Test func `places that are passed through seldom have theirs`() throws {
        try Self.expect(Self.rareTable, of: Self.rarePhases)
    }

    @Test func `an end that is on record is not lost`() {
        var phase = ContainerPhase.running(Self.ended)
        _ = phase.receive(.lost(at: Self.now))
        #expect(phase.shown.exitCode == 4 && phase.shown.finishedAt == Self.now && !phase.isRequested)
        phase = .running(Self.run)
        _ = phase.receive(.lost(at: Self.now))
        #expect(phase.shown.exitCode == 255 && phase.isRequested)
    }

    private static func expect(_ table: String, of phases: [ContainerPhase]) throws {
        let lines = table.split(separator: "\n")
        #expect(lines.count == Self.events.count)
        for (line, (name, event)) in zip(lines, Self.events) {
            let halves = line.split(separator: ":", maxSplits: 1)
            #expect(halves.first.map(String.init) == name)
            let cells = try #require(halves.last).split(separator: " ").map(String.init)
            #expect(cells.count == phases.count, "\(name)")
            for (cell, phase) in zip(cells, phases) {
                #expect(Self.outcome(of: event, in: phase) == cell, "\(name) in \(Self.text(phase))")
            }
        }
    }

    private static func outcome(of event: ContainerEvent, in phase: ContainerPhase) -> String {
        var next = phase
        let effects = next.receive(event)
        if case .refuse(let why) = effects.first { return next == phase && effects.count == 1 ? "!\(why)" : "changed!" }
        if next == phase, effects.isEmpty { return "-" }
        return text(next) + (effects.isEmpty ? "" : ">" + effects.map(text).joined(separator: "+"))
    }

    private static func text(_ phase: ContainerPhase) -> String {
        switch phase {
        case .created(nil): "created"
        case .created(.failed): "failed"
        case .created(.interrupted): "interrupted"
        case .starting(let start):
            (start.isRestart ? "again" : "starting") + (start.stop.map { ":\($0.by)" } ?? "")
        case .running(let run): "running" + text(run)
        case .paused(let run): "paused" + text(run)
        case .stopping(let run, let stop): "stopping:\(stop.by)" + (stop.isFrozen ? "~" : "") + text(run)
        case .restarting: "restarting"
        case .exited(let exit): "exited:\(exit.cause)"
        case .removing: "removing"
        case .dead: "dead"
        }
    }

    private static func text(_ run: ContainerPhase.Run) -> String {
        (run.hadMemoryKill == true ? "!" : "") + (run.end == nil ? "" : ".")
    }

    private static func text(_ effect: ContainerEffect) -> String {
        switch effect {
        case .refuse(let why): "!\(why)"
        case .bringUp: "bringUp"
        case .publishStart: "publishStart"
        case .watch: "watch"
        case .signal: "signal"
        case .awaitStart: "await"
        case .settle: "settle"
        case .publishEnd: "end"
        case .release(_, let isOver): isOver ? "release.over" : "release"
        case .restart: "restart"
        case .removeIfTemporary: "temporary"
        case .destroy: "destroy"
        }
    }

    @Test func `a start goes through a stop that came meanwhile, and an end through what was known of it`() {
        var phase = ContainerPhase.restarting(at: Self.now, Self.before)
        #expect(phase.receive(.startRequested) == [.bringUp])
        #expect(phase.receive(.stopRequested(by: .user, deadline: Self.now)) == [.awaitStart])
        #expect(phase.isRunning && !phase.isUp && !phase.isRequested)
        _ = phase.receive(.started(pid: 8, at: Self.now))
        #expect(
            phase
                == .stopping(
                    .init(pid: 8, startedAt: Self.now, previousEnd: Self.before.finishedAt),
                    .init(by: .user, deadline: Self.now)))
        _ = phase.receive(.processEnded(ProcessEnd(code: 5, wasOutOfMemory: true)))
        _ = phase.receive(.processEnded(ProcessEnd(code: 6, wasOutOfMemory: false)))
        let effects = phase.receive(.settled(at: Timestamp(seconds: 3000), restartAfter: .seconds(1)))
        let exit = ContainerPhase.Exit(
            code: 5, wasOutOfMemory: true, startedAt: Self.now, finishedAt: Timestamp(seconds: 3000), cause: .user)
        #expect(phase == .exited(exit))
        #expect(effects == [.publishEnd(exit), .release(code: 5, isOver: true), .removeIfTemporary])
    }

    @Test func `what clients see follows from the phase`() {
        func shown(_ phase: ContainerPhase) -> String {
            let state = phase.shown
            let flags = [
                ("running", state.running), ("paused", state.paused), ("restarting", state.restarting),
                ("dead", state.dead),
            ].filter(\.1).map(\.0)
            return ([state.status] + flags).joined(separator: " ") + " \(state.pid) \(state.exitCode) \(state.error)"
        }
        #expect(
            Self.phases.map(shown) == [
                "created 0 0 ", "created 0 127 no", "created 0 0 ", "restarting running restarting 0 3 ",
                "running running 7 0 ", "paused running paused 7 0 ", "running running 7 0 ",
                "paused running paused 7 0 ", "running running 7 0 ", "restarting running restarting 0 3 ",
                "exited 0 3 ", "removing 0 3 ", "dead dead 0 3 ",
            ])
        let running = ContainerPhase.running(.init(pid: 1, startedAt: Self.now, previousEnd: Self.began)).shown
        #expect(running.startedAt == Self.now && running.finishedAt == Self.began)
        #expect(ContainerPhase.exited(Self.before).shown.finishedAt == Self.before.finishedAt)
    }

    @Test func `a kill for want of memory counts for its own run alone, and for how that ends`() {
        var phase = ContainerPhase.running(Self.run)
        _ = phase.receive(.memoryKilled(runOf: Self.now))
        #expect(phase == .running(Self.run))
        _ = phase.receive(.memoryKilled(runOf: Self.began))
        #expect(phase.shown.outOfMemoryKilled)
        var lost = phase
        _ = lost.receive(.lost(at: Self.now))
        #expect(lost.shown.outOfMemoryKilled)
        _ = phase.receive(.processEnded(ProcessEnd(code: 0, wasOutOfMemory: false)))
        _ = phase.receive(.settled(at: Self.now, restartAfter: nil))
        #expect(phase.shown.outOfMemoryKilled)
        _ = phase.receive(.startRequested)
        _ = phase.receive(.started(pid: 8, at: Self.now))
        #expect(!phase.shown.outOfMemoryKilled)
    }

    @Test func `a phase is read as it was written`() throws {
        let phases = Self.phases + Self.rarePhases
        var all = phases
        for phase in phases {
            for (_, event) in Self.events {
                var next = phase
                _ = next.receive(event)
                all.append(next)
            }
        }
        for phase in all {
            let data = try JSONEncoder().encode(phase)
            #expect(try JSONDecoder().decode(ContainerPhase.self, from: data) == phase, "\(phase)")
        }
    }

    /// Whatever comes in whatever order.
    @Test(arguments: 0..<20) func `no order of events contradicts itself`(seed: UInt64) {
        var numbers = SeededGenerator(seed: seed)
        var phase = ContainerPhase.created(nil)
        var isBegun = false
        for step in 0..<400 {
            guard let (name, event) = Self.events.randomElement(using: &numbers) else { return }
            let before = phase
            let effects = phase.receive(event)
            let about: Comment =
                "seed \(seed), step \(step): \(name) in \(Self.text(before)) came to \(Self.text(phase))"
            let state = phase.shown
            #expect(!phase.isUp || phase.isRunning, about)
            #expect(phase.isUp == (state.running && !state.restarting), about)
            #expect(!state.restarting || state.running, about)
            #expect((state.pid != 0) == phase.isUp, about)
            #expect(!phase.isBeingRemoved || !phase.isRunning, about)
            // A process comes by a start and goes by an end, and by nothing else.
            if !before.isUp, phase.isUp { #expect(before.isStarting && effects.contains(.watch), about) }
            if before.isUp, !phase.isUp {
                switch event {
                case .settled, .lost, .startFailed: break
                default: Issue.record(about)
                }
            }
            // Who has been told to stop does not start again by a policy.
            if case .stopping(_, let stop) = before, stop.by != .restart, case .settled = event {
                #expect(!phase.isRunning, about)
            }
            if effects.contains(.bringUp) { #expect(phase.isStarting, about) }
            if case .refuse = effects.first { #expect(phase == before, about) }
            isBegun = isBegun || phase.isUp
            #expect((phase.startedAt != .zero) == isBegun || phase.isStarting, about)
            // Removed: another one begins.
            if phase.isBeingRemoved, Bool.random(using: &numbers) { (phase, isBegun) = (.created(nil), false) }
        }
    }
}
