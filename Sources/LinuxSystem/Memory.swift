import CLinux

/// This process' own memory.
package enum Memory {
    /// Gives what has been freed back to the kernel. By itself malloc does so only with the end of an arena, so that after a burst of work a
    /// process stays as large as it was at its largest.
    ///
    /// Takes some milliseconds, for which other threads' allocations may wait: for when there is little to do.
    package static func giveBack() async throws { try await onThread { _ = clinux_trim_memory() } }

    /// Bytes that this process has freed and the allocator keeps. Those that the kernel has back count as well: it says how much there may be
    /// to give, at most. Source: mallinfo2(3), `fordblks`.
    package static var freedBytes: Int { Int(clamping: clinux_freed_memory()) }

    /// Bytes that this process has allocated and not freed. Says of a value what it takes, when nothing else is made meanwhile; resident pages say also
    /// what was needed on the way to it. Source: mallinfo2(3).
    package static var allocatedBytes: Int { Int(clamping: clinux_allocated_memory()) }
}
