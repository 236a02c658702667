-- Says in JSON what wrk has measured, as the last line of its output.
--
-- SPDX-License-Identifier: Apache-2.0
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.4f, "requests_per_second": %.1f, "errors": %d, ' ..
      '"p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f}\n',
    summary.requests, summary.duration / 1e6, summary.requests / summary.duration * 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
