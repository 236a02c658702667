import CLiburing
import Glibc
import Testing

/// The shim's own structs, against the kernel's ABI.
struct CLiburingLayoutTests {
  // MARK: Layout

  @Test func sizesAreTheKernels() {
    #expect(MemoryLayout<gyre_timespec>.size == 16)
    #expect(MemoryLayout<gyre_buf_reg>.size == 40)
    #expect(MemoryLayout<gyre_buf_status>.size == 40)
    #expect(MemoryLayout<gyre_napi>.size == 16)
    #expect(MemoryLayout<gyre_clock_register>.size == 16)
    #expect(MemoryLayout<gyre_getevents_arg>.size == 24)
    #expect(MemoryLayout<gyre_reg_wait>.size == 64)
    #expect(MemoryLayout<gyre_region_desc>.size == 64)
    #expect(MemoryLayout<gyre_mem_region_reg>.size == 32)
    #expect(MemoryLayout<gyre_clone_buffers>.size == 32)
    #expect(MemoryLayout<gyre_sync_cancel_reg>.size == 64)
    #expect(MemoryLayout<gyre_query_hdr>.size == 40)
    #expect(MemoryLayout<gyre_query_opcode>.size == 48)
    #expect(MemoryLayout<gyre_tcp_info>.size == 280)
    #expect(MemoryLayout<gyre_sqe_socket_command>.size == MemoryLayout<io_uring_sqe>.size)
  }

  @Test func offsetsOfRegistrationStructs() {
    #expect(MemoryLayout<gyre_buf_reg>.offset(of: \.ring_entries) == 8)
    #expect(MemoryLayout<gyre_buf_reg>.offset(of: \.bgid) == 12)
    #expect(MemoryLayout<gyre_buf_reg>.offset(of: \.flags) == 14)
    #expect(MemoryLayout<gyre_buf_reg>.offset(of: \.min_left) == 16)
    #expect(MemoryLayout<gyre_buf_status>.offset(of: \.head) == 4)
    #expect(MemoryLayout<gyre_napi>.offset(of: \.opcode) == 5)
    #expect(MemoryLayout<gyre_napi>.offset(of: \.op_param) == 8)
    #expect(MemoryLayout<gyre_sync_cancel_reg>.offset(of: \.timeout) == 16)
    #expect(MemoryLayout<gyre_sync_cancel_reg>.offset(of: \.opcode) == 32)
    #expect(MemoryLayout<gyre_region_desc>.offset(of: \.mmap_offset) == 24)
    #expect(MemoryLayout<gyre_clone_buffers>.offset(of: \.nr) == 16)
  }

  @Test func offsetsOfWaitAndQueryStructs() {
    #expect(MemoryLayout<gyre_getevents_arg>.offset(of: \.min_wait_usec) == 12)
    #expect(MemoryLayout<gyre_getevents_arg>.offset(of: \.ts) == 16)
    #expect(MemoryLayout<gyre_reg_wait>.offset(of: \.min_wait_usec) == 16)
    #expect(MemoryLayout<gyre_reg_wait>.offset(of: \.flags) == 20)
    #expect(MemoryLayout<gyre_reg_wait>.offset(of: \.sigmask) == 24)
    #expect(MemoryLayout<gyre_query_hdr>.offset(of: \.query_op) == 16)
    #expect(MemoryLayout<gyre_query_hdr>.offset(of: \.result) == 24)
    #expect(MemoryLayout<gyre_query_opcode>.offset(of: \.feature_flags) == 8)
    #expect(MemoryLayout<gyre_query_opcode>.offset(of: \.sqe_flags) == 32)
    #expect(MemoryLayout<gyre_query_opcode>.offset(of: \.nr_query_opcodes) == 40)
  }

  @Test func offsetsOfSocketCommands() {
    #expect(MemoryLayout<gyre_sqe_socket_command>.offset(of: \.cmd_op) == 8)
    #expect(MemoryLayout<gyre_sqe_socket_command>.offset(of: \.level) == 16)
    #expect(MemoryLayout<gyre_sqe_socket_command>.offset(of: \.optname) == 20)
    #expect(MemoryLayout<gyre_sqe_socket_command>.offset(of: \.user_data) == 32)
    #expect(MemoryLayout<gyre_sqe_socket_command>.offset(of: \.optlen) == 44)
    #expect(MemoryLayout<gyre_sqe_socket_command>.offset(of: \.optval) == 48)
  }

  @Test func offsetsOfTCPInfo() {
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_ato) == 12)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_unacked) == 24)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_sacked) == 28)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_rcv_ssthresh) == 64)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_snd_cwnd) == 80)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_notsent_bytes) == 144)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_busy_time) == 168)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_rwnd_limited) == 176)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_sndbuf_limited) == 184)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_snd_wnd) == 228)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_rcv_wnd) == 232)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_total_rto_time) == 244)
    #expect(MemoryLayout<gyre_tcp_info>.offset(of: \.tcpi_accecn) == 276)
  }

  @Test func tcpInfoOfAConnectionReadsAsTheKernelFillsIt() throws {
    let pair = try TCPPair(sending: 1000)
    defer { pair.close() }
    var listening = gyre_tcp_info()
    #expect(pair.info(of: pair.listener, into: &listening) >= 104)
    #expect(listening.tcpi_state == 10, "TCP_LISTEN")
    #expect(listening.tcpi_unacked == 0 && listening.tcpi_sacked == 5, "the accept queue: empty, at most five")
    var receiving = gyre_tcp_info()
    let length = pair.info(of: pair.server, into: &receiving)
    #expect(receiving.tcpi_state == 1, "TCP_ESTABLISHED")
    #expect(receiving.tcpi_bytes_received == 1000)
    #expect(receiving.tcpi_snd_cwnd > 0 && receiving.tcpi_rcv_mss > 0)
    var sending = gyre_tcp_info()
    _ = pair.info(of: pair.client, into: &sending)
    #expect(sending.tcpi_notsent_bytes == 0)
    // Kernels that do not know these fields leave them as they were.
    if length >= 232 { #expect(sending.tcpi_bytes_sent == 1000 && sending.tcpi_snd_wnd > 0) }
    if length >= 236 { #expect(receiving.tcpi_rcv_wnd > 0) } else { #expect(receiving.tcpi_rcv_wnd == 0) }
  }
}
