import CHop

/// Processor time of one wake by an eventfd between two threads in C.
func eventfdWake(_ rounds: Int) -> Double {
  let start = chop_cpu_time()
  let error = chop_eventfd_pair(rounds)
  precondition(error == 0, "the eventfds cannot be had: error \(error)")
  return Double(chop_cpu_time() - start) / Double(rounds) / 2
}
