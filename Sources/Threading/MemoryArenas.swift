import CAllocator

/// Lets the threads of the process share `count` arenas of the C library's
/// allocator, which else makes up to eight for each processor.
///
/// Memory that one thread frees is then used by the others. Without it, threads
/// that each decompress a request now and then keep many times what is in use.
/// Call it before threads begin to allocate.
package func limitMemoryArenas(to count: Int32) {
  _ = tsdb_limit_arenas(count)
}
