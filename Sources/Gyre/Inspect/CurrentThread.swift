import CLiburing

/// The calling thread, as the kernel's tools name it.
package enum CurrentThread {
  /// Its number, as `top -H` and `/proc/PID/task` show it. `gettid(2)`
  package static var number: Int32 { gyre_thread_number() }
}
