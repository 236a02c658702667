// Kernel constants and structs that liburing 2.3's headers lack, under names of our own.
//
// `#ifndef` sees neither enumerators nor struct fields, so a definition under the kernel's name would clash with a newer
// liburing. A prefix cannot: this header reads the same over every version. Values are the kernel's UAPI
// (include/uapi/linux/io_uring.h, linux/io_uring/query.h, linux/tcp.h) and are checked against the running kernel by the
// suite. The number in a comment is the kernel release that brought the feature; it is there for the reader, and nothing
// is ever decided by it.
#pragma once

#include <stdint.h>

// Flags of io_uring_setup(2).
#define GYRE_SETUP_NO_MMAP (1u << 14)             // 6.5: the rings are in the application's memory
#define GYRE_SETUP_REGISTERED_FD_ONLY (1u << 15)  // 6.5: no descriptor, only a registered one; with NO_MMAP
#define GYRE_SETUP_NO_SQARRAY (1u << 16)          // 6.6: no index array; liburing 2.3 stalls with it
#define GYRE_SETUP_HYBRID_IOPOLL (1u << 17)       // 6.13: with IOPOLL
#define GYRE_SETUP_CQE_MIXED (1u << 18)           // 6.18: completions of 16 and of 32 bytes
#define GYRE_SETUP_SQE_MIXED (1u << 19)           // 6.19: submissions of 64 and of 128 bytes
#define GYRE_SETUP_SQ_REWIND (1u << 20)           // 7.0: submissions always start at index 0; with NO_SQARRAY

// Feature bits that io_uring_setup(2) answers with.
#define GYRE_FEAT_REG_REG_RING (1u << 13)     // 6.3: io_uring_register(2) takes a registered ring
#define GYRE_FEAT_RECVSEND_BUNDLE (1u << 14)  // 6.10
#define GYRE_FEAT_MIN_TIMEOUT (1u << 15)      // 6.12: min_wait_usec
#define GYRE_FEAT_RW_ATTR (1u << 16)          // 6.14: attributes of reads and writes
#define GYRE_FEAT_NO_IOWAIT (1u << 17)        // 6.15

// io_uring_enter(2) flags.
#define GYRE_ENTER_ABS_TIMER (1u << 5)    // 6.12: the time-out is a point in time
#define GYRE_ENTER_EXT_ARG_REG (1u << 6)  // 6.13: the argument is an offset into the registered wait region
#define GYRE_ENTER_NO_IOWAIT (1u << 7)    // 6.15: a wait does not count as I/O wait

// Operations of io_uring_register(2).
#define GYRE_REGISTER_PBUF_STATUS 26     // 6.8
#define GYRE_REGISTER_NAPI 27            // 6.9
#define GYRE_UNREGISTER_NAPI 28          // 6.9
#define GYRE_REGISTER_CLOCK 29           // 6.12
#define GYRE_REGISTER_CLONE_BUFFERS 30   // 6.12
#define GYRE_REGISTER_SEND_MSG_RING 31   // 6.13: MSG_RING without a ring of one's own, descriptor -1
#define GYRE_REGISTER_ZCRX_IFQ 32        // 6.15
#define GYRE_REGISTER_RESIZE_RINGS 33    // 6.13: DEFER_TASKRUN rings only
#define GYRE_REGISTER_MEM_REGION 34      // 6.13
#define GYRE_REGISTER_QUERY 35           // 6.18: descriptor -1 will do
#define GYRE_REGISTER_USE_REGISTERED_RING (1u << 31)  // 6.3: the descriptor is the index of a registered ring

// Provided-buffer rings: flags of struct gyre_buf_reg, and where mmap(2) finds a ring that the kernel allocated.
#define GYRE_PBUF_RING_MMAP 1u              // 6.4: the kernel allocates the ring
#define GYRE_PBUF_RING_INC 2u               // 6.12: a buffer is consumed little by little
#define GYRE_OFF_PBUF_RING 0x80000000ull    // 6.4: offset of group 0
#define GYRE_OFF_PBUF_SHIFT 16              // 6.4: bits that a group's number is shifted by in the offset

// Opcodes.
#define GYRE_OP_READ_MULTISHOT 49    // 6.7
#define GYRE_OP_WAITID 50            // 6.7
#define GYRE_OP_FUTEX_WAIT 51        // 6.7
#define GYRE_OP_FUTEX_WAKE 52        // 6.7
#define GYRE_OP_FUTEX_WAITV 53       // 6.7
#define GYRE_OP_FIXED_FD_INSTALL 54  // 6.8
#define GYRE_OP_FTRUNCATE 55         // 6.9
#define GYRE_OP_BIND 56              // 6.11
#define GYRE_OP_LISTEN 57            // 6.11
#define GYRE_OP_RECV_ZC 58           // 6.15
#define GYRE_OP_EPOLL_WAIT 59        // 6.15
#define GYRE_OP_READV_FIXED 60       // 6.15
#define GYRE_OP_WRITEV_FIXED 61      // 6.15
#define GYRE_OP_PIPE 62              // 6.16

// Flags of a completion. The others (BUFFER, MORE, SOCK_NONEMPTY, NOTIF) are liburing's.
#define GYRE_CQE_F_BUF_MORE (1u << 4)  // 6.12: the buffer stays the kernel's; more of it will come
#define GYRE_CQE_F_SKIP (1u << 5)      // 6.18: a gap in the ring, to be passed over
#define GYRE_CQE_F_32 (1u << 15)       // 6.18: this completion takes 32 bytes

// Flags of single operations. Accept, receive and send have theirs in `ioprio`.
#define GYRE_ACCEPT_DONTWAIT (1u << 1)         // 6.10: -EAGAIN rather than a wait
#define GYRE_ACCEPT_POLL_FIRST (1u << 2)       // 6.10: wait before the first try
#define GYRE_SEND_ZC_REPORT_USAGE (1u << 3)    // 6.2: the notification says whether bytes were copied
#define GYRE_NOTIF_USAGE_ZC_COPIED (1u << 31)  // 6.2: they were
#define GYRE_RECVSEND_BUNDLE (1u << 4)         // 6.10: several provided buffers in one operation
#define GYRE_SEND_VECTORIZED (1u << 5)         // 6.17: `addr` and `len` are an iovec array
#define GYRE_TIMEOUT_MULTISHOT (1u << 6)       // 6.4
#define GYRE_MSG_RING_FLAGS_PASS (1u << 1)     // 6.3: `file_index` becomes the flags of the other ring's completion
#define GYRE_FIXED_FD_NO_CLOEXEC (1u << 0)     // 6.8: the installed descriptor survives exec
#define GYRE_ASYNC_CANCEL_USERDATA (1u << 4)   // 6.6: match user_data beside the other keys
#define GYRE_ASYNC_CANCEL_OP (1u << 5)         // 6.6: match the opcode in `len`

// Commands of IORING_OP_URING_CMD on a socket, in `cmd_op`.
#define GYRE_SOCKET_OP_SIOCINQ 0     // 6.7: bytes in the receive queue
#define GYRE_SOCKET_OP_SIOCOUTQ 1    // 6.7: bytes in the send queue
#define GYRE_SOCKET_OP_GETSOCKOPT 2  // 6.7: level SOL_SOCKET only
#define GYRE_SOCKET_OP_SETSOCKOPT 3  // 6.7: any level

// What IORING_REGISTER_QUERY can be asked.
#define GYRE_QUERY_OPCODES 0  // 6.18: struct gyre_query_opcode

// What a socket can be asked besides TCP_INFO. tcp(7), sock_diag(7).
#define GYRE_SIOCINQ 0x541Bul     // ioctl: bytes in the receive queue
#define GYRE_SIOCOUTQ 0x5411ul    // ioctl: bytes in the send queue, sent or not
#define GYRE_SIOCOUTQNSD 0x894Bul // ioctl: those of them that were not sent
#define GYRE_SO_MEMINFO 55        // 4.12: SOL_SOCKET, an array of u32
#define GYRE_MEMINFO_RCVBUF 1     // indices in it: SK_MEMINFO_*
#define GYRE_MEMINFO_SNDBUF 3
#define GYRE_MEMINFO_DROPS 8
#define GYRE_MEMINFO_COUNT 9

// Flags of struct gyre_mem_region_reg, gyre_region_desc and gyre_reg_wait.
#define GYRE_MEM_REGION_REG_WAIT_ARG 1u   // 6.13: the region holds wait arguments
#define GYRE_MEM_REGION_TYPE_USER 1u      // 6.13: the region is the application's memory
#define GYRE_REG_WAIT_TS 1u               // 6.13: `ts` holds a time-out

// struct __kernel_timespec: seconds and nanoseconds, 64 bits each on every machine.
struct gyre_timespec {
  int64_t tv_sec;
  int64_t tv_nsec;
};

// Argument of IORING_REGISTER_PBUF_RING. 5.19; `flags` 6.4. `min_left` is younger than 7.0; older kernels want it 0.
struct gyre_buf_reg {
  uint64_t ring_addr;
  uint32_t ring_entries;
  uint16_t bgid;
  uint16_t flags;
  uint32_t min_left;
  uint32_t resv[5];
};

// Argument of IORING_REGISTER_PBUF_STATUS: the kernel writes the head of the group's ring. 6.8.
struct gyre_buf_status {
  uint32_t buf_group;
  uint32_t head;
  uint32_t resv[8];
};

// Argument of IORING_REGISTER_NAPI: a time-out in microseconds. 6.9; `opcode` and `op_param` 6.13.
struct gyre_napi {
  uint32_t busy_poll_to;
  uint8_t prefer_busy_poll;
  uint8_t opcode;
  uint8_t pad[2];
  uint32_t op_param;
  uint32_t resv;
};

// Argument of IORING_REGISTER_CLOCK: the clock of the waits' time-outs. 6.12.
struct gyre_clock_register {
  uint32_t clockid;
  uint32_t resv[3];
};

// Argument of io_uring_enter(2) with EXT_ARG. 5.11; `min_wait_usec` 6.12.
struct gyre_getevents_arg {
  uint64_t sigmask;
  uint32_t sigmask_sz;
  uint32_t min_wait_usec;
  uint64_t ts;
};

// A registered wait argument: the same for EXT_ARG_REG, without the copy of each call. 6.13.
struct gyre_reg_wait {
  struct gyre_timespec ts;
  uint32_t min_wait_usec;
  uint32_t flags;
  uint64_t sigmask;
  uint32_t sigmask_sz;
  uint32_t pad[3];
  uint64_t pad2[2];
};

// A block of memory for IORING_REGISTER_MEM_REGION. 6.13.
struct gyre_region_desc {
  uint64_t user_addr;
  uint64_t size;
  uint32_t flags;
  uint32_t id;
  uint64_t mmap_offset;
  uint64_t resv[4];
};

// Argument of IORING_REGISTER_MEM_REGION: the address of a struct gyre_region_desc. 6.13.
struct gyre_mem_region_reg {
  uint64_t region_uptr;
  uint64_t flags;
  uint64_t resv[2];
};

// Argument of IORING_REGISTER_CLONE_BUFFERS. 6.12.
struct gyre_clone_buffers {
  uint32_t src_fd;
  uint32_t flags;
  uint32_t src_off;
  uint32_t dst_off;
  uint32_t nr;
  uint32_t pad[3];
};

// Argument of IORING_REGISTER_SYNC_CANCEL. 6.0; `opcode` 6.6.
struct gyre_sync_cancel_reg {
  uint64_t addr;
  int32_t fd;
  uint32_t flags;
  struct gyre_timespec timeout;
  uint8_t opcode;
  uint8_t pad[7];
  uint64_t pad2[3];
};

// Argument of IORING_REGISTER_QUERY: one question, and the next (0: none). The kernel writes `size` and `result`. 6.18.
struct gyre_query_hdr {
  uint64_t next_entry;
  uint64_t query_data;
  uint32_t query_op;
  uint32_t size;
  int32_t result;
  uint32_t resv[3];
};

// The answer to GYRE_QUERY_OPCODES: numbers of opcodes, and masks of the flags that this kernel knows. 6.18.
struct gyre_query_opcode {
  uint32_t nr_request_opcodes;
  uint32_t nr_register_opcodes;
  uint64_t feature_flags;
  uint64_t ring_setup_flags;
  uint64_t enter_flags;
  uint64_t sqe_flags;
  uint32_t nr_query_opcodes;
  uint32_t pad;
};

// A submission entry as IORING_OP_URING_CMD on a socket reads it; liburing 2.3 lacks these fields' names. 6.7.
struct gyre_sqe_socket_command {
  uint8_t opcode;
  uint8_t flags;
  uint16_t ioprio;
  int32_t fd;
  uint32_t cmd_op;
  uint32_t pad1;
  uint32_t level;
  uint32_t optname;
  uint32_t len;
  uint32_t uring_cmd_flags;
  uint64_t user_data;
  uint16_t buf_index;
  uint16_t personality;
  uint32_t optlen;
  uint64_t optval;
  uint64_t pad2;
};

// What getsockopt(2) says of TCP_INFO, tcp(7): the fields of the C library's `struct tcp_info` and those that came later.
// A kernel writes as many bytes as it has; the returned length says how many. Times are in microseconds, or in
// milliseconds for the four `last` fields and `total_rto_time`. On a listening socket `unacked` is the length of the
// accept queue and `sacked` its limit.
struct gyre_tcp_info {
  uint8_t tcpi_state;
  uint8_t tcpi_ca_state;
  uint8_t tcpi_retransmits;
  uint8_t tcpi_probes;
  uint8_t tcpi_backoff;
  uint8_t tcpi_options;
  uint8_t tcpi_snd_wscale : 4, tcpi_rcv_wscale : 4;
  uint8_t tcpi_delivery_rate_app_limited : 1, tcpi_fastopen_client_fail : 2;
  uint32_t tcpi_rto;
  uint32_t tcpi_ato;
  uint32_t tcpi_snd_mss;
  uint32_t tcpi_rcv_mss;
  uint32_t tcpi_unacked;
  uint32_t tcpi_sacked;
  uint32_t tcpi_lost;
  uint32_t tcpi_retrans;
  uint32_t tcpi_fackets;
  uint32_t tcpi_last_data_sent;
  uint32_t tcpi_last_ack_sent;
  uint32_t tcpi_last_data_recv;
  uint32_t tcpi_last_ack_recv;
  uint32_t tcpi_pmtu;
  uint32_t tcpi_rcv_ssthresh;
  uint32_t tcpi_rtt;
  uint32_t tcpi_rttvar;
  uint32_t tcpi_snd_ssthresh;
  uint32_t tcpi_snd_cwnd;
  uint32_t tcpi_advmss;
  uint32_t tcpi_reordering;
  uint32_t tcpi_rcv_rtt;
  uint32_t tcpi_rcv_space;
  uint32_t tcpi_total_retrans;
  uint64_t tcpi_pacing_rate;
  uint64_t tcpi_max_pacing_rate;
  uint64_t tcpi_bytes_acked;      // 4.1
  uint64_t tcpi_bytes_received;   // 4.1
  uint32_t tcpi_segs_out;         // 4.2
  uint32_t tcpi_segs_in;          // 4.2
  uint32_t tcpi_notsent_bytes;    // 4.6
  uint32_t tcpi_min_rtt;          // 4.6
  uint32_t tcpi_data_segs_in;     // 4.6
  uint32_t tcpi_data_segs_out;    // 4.6
  uint64_t tcpi_delivery_rate;    // 4.9
  uint64_t tcpi_busy_time;        // 4.10
  uint64_t tcpi_rwnd_limited;     // 4.10
  uint64_t tcpi_sndbuf_limited;   // 4.10
  uint32_t tcpi_delivered;        // 4.18
  uint32_t tcpi_delivered_ce;     // 4.18
  uint64_t tcpi_bytes_sent;       // 4.19
  uint64_t tcpi_bytes_retrans;    // 4.19
  uint32_t tcpi_dsack_dups;       // 4.19
  uint32_t tcpi_reord_seen;       // 4.19
  uint32_t tcpi_rcv_ooopack;      // 5.4
  uint32_t tcpi_snd_wnd;          // 5.4
  uint32_t tcpi_rcv_wnd;          // 6.2
  uint32_t tcpi_rehash;           // 6.2
  uint16_t tcpi_total_rto;             // 6.7
  uint16_t tcpi_total_rto_recoveries;  // 6.7
  uint32_t tcpi_total_rto_time;        // 6.7
  uint32_t tcpi_received_ce;           // 6.18, as is what follows
  uint32_t tcpi_delivered_e1_bytes;
  uint32_t tcpi_delivered_e0_bytes;
  uint32_t tcpi_delivered_ce_bytes;
  uint32_t tcpi_received_e1_bytes;
  uint32_t tcpi_received_e0_bytes;
  uint32_t tcpi_received_ce_bytes;
  uint32_t tcpi_accecn;  // AccECN's state; its layout differs between releases
};
