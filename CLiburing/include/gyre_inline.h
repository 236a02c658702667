// Inline access to what Swift cannot express: acquire and release on ring indices, anonymous unions, thread-locals.
#pragma once

#include "CLiburing.h"

#include <stdbool.h>
#include <string.h>

static inline uint32_t gyre_load_acquire(const uint32_t *index) { return __atomic_load_n(index, __ATOMIC_ACQUIRE); }
static inline uint32_t gyre_load_relaxed(const uint32_t *index) { return __atomic_load_n(index, __ATOMIC_RELAXED); }
static inline void gyre_store_release(uint32_t *index, uint32_t value) {
  __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

// `io_uring_setup(2)` as it is: the ring's descriptor, or -errno.
static inline int gyre_setup(uint32_t entries, struct io_uring_params *parameters) {
  long result = syscall(__NR_io_uring_setup, entries, parameters);
  return result < 0 ? -errno : (int)result;
}

// `io_uring_enter(2)` as it is, without liburing's error mapping: 0 or more, or -errno.
static inline int gyre_enter(int fd, uint32_t submit, uint32_t wait, uint32_t flags, const void *argument, size_t size) {
  long result = syscall(__NR_io_uring_enter, fd, submit, wait, flags, argument, size);
  return result < 0 ? -errno : (int)result;
}

// `io_uring_register(2)` as it is: 0 or more, or -errno.
static inline int gyre_register(int fd, uint32_t operation, const void *argument, uint32_t count) {
  long result = syscall(__NR_io_uring_register, fd, operation, argument, count);
  return result < 0 ? -errno : (int)result;
}

// The name (`ECONNRESET`) and the text of an error number; NULL for an unknown one.
const char *gyre_errno_name(int number);
const char *gyre_errno_text(int number);

static inline void gyre_sqe_set_fixed_file(struct io_uring_sqe *sqe) { sqe->flags |= IOSQE_FIXED_FILE; }
static inline void gyre_sqe_skip_success(struct io_uring_sqe *sqe) { sqe->flags |= IOSQE_CQE_SKIP_SUCCESS; }

static inline void gyre_sqe_select_buffer(struct io_uring_sqe *sqe, uint16_t group) {
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
}

// IORING_OP_FIXED_FD_INSTALL: an ordinary descriptor, close-on-exec, for the file in slot `index`.
static inline void gyre_prep_fixed_fd_install(struct io_uring_sqe *sqe, int index) {
  io_uring_prep_rw(GYRE_OP_FIXED_FD_INSTALL, sqe, index, NULL, 0, 0);
  sqe->flags |= IOSQE_FIXED_FILE;
}

// IORING_OP_URING_CMD on a socket, GYRE_SOCKET_OP_*. What the command does not use is 0.
static inline void gyre_prep_socket_command(struct io_uring_sqe *sqe, uint32_t command, int fd, uint32_t level,
                                            uint32_t name, void *value, uint32_t length) {
  struct gyre_sqe_socket_command entry = {.opcode = IORING_OP_URING_CMD,
                                          .fd = fd,
                                          .cmd_op = command,
                                          .level = level,
                                          .optname = name,
                                          .optlen = length,
                                          .optval = (uintptr_t)value};
  memcpy(sqe, &entry, sizeof(entry));
}

// Has the processor fetch so many bytes into its cache while it goes on. Any address will do, valid or not.
static inline void gyre_prefetch(const void *address, int count) {
  for (int offset = 0; offset < count; offset += 64) __builtin_prefetch((const char *)address + offset);
}

// The head of a task of Swift's: the runtime's `Job`, and where `AsyncTask` begins.
struct gyre_task {
  void *object[2];
  void *scheduler[2];
  uint32_t flags, number;
  void *reserved[2];
  void (*resume)(void);
  void *context;
};

// Whether a job is a task: what its kind says.
static inline bool gyre_is_task(const void *job) { return (((const struct gyre_task *)job)->flags & 0xff) == 0; }

// The same for what a task is about to use of its frames: the innermost one and those that it returns to. They lie below
// it, as a rule. A job of another kind has nothing there, and may end before.
static inline void gyre_prefetch_frames(const void *job) {
  const struct gyre_task *task = job;
  if (gyre_is_task(job)) gyre_prefetch((const char *)task->context - 448, 512);
}

// Whether a job that has not run yet looks like a task as `struct gyre_task` has it: of that kind, what it begins with is
// code, and its first frame is in the same memory. False if the runtime lacks the function that suspends.
bool gyre_is_new_task(const void *job);

// Whether tasks suspend as the jobs that they are. Set before the first loop turns, if the loaded runtime is one for which
// that works.
extern bool gyre_task_suspension;
static inline bool gyre_suspends_tasks(void) { return __atomic_load_n(&gyre_task_suspension, __ATOMIC_RELAXED); }
static inline void gyre_set_suspends_tasks(bool value) {
  __atomic_store_n(&gyre_task_suspension, value, __ATOMIC_RELAXED);
}

// The loop that runs on this thread, or NULL. A plain thread-local: reading it costs a nanosecond, where a Swift
// task-local or pthread_getspecific costs ten.
extern _Thread_local void *gyre_thread_loop;
static inline void *gyre_current_loop(void) { return gyre_thread_loop; }
static inline void gyre_set_current_loop(void *loop) { gyre_thread_loop = loop; }

// The running task, or NULL: what Swift's `withUnsafeCurrentTask` asks the runtime for, without its copies of the answer.
__attribute__((swiftcall)) void *swift_task_getCurrent(void);
static inline void *gyre_current_task(void) { return swift_task_getCurrent(); }

// Has `on_cancel` called with `argument` if the running task is cancelled before the handler is taken off it; at once if it is
// cancelled already, and then there is no handler to take off: NULL. `on_cancel` has to be the same function at every call. By the task itself, which takes its handlers off in
// the reverse order.
void *gyre_add_cancellation_handler(void (*on_cancel)(void *), void *argument);
void gyre_remove_cancellation_handler(void *handler);

// Whether the running code is isolated to an actor: what `#isolation` says, which Swift 6.3 cannot compile in an inlined
// function.
struct gyre_executor {
  void *identity;
  uintptr_t implementation;
};
__attribute__((swiftcall)) struct gyre_executor swift_task_getCurrentExecutor(void);
static inline bool gyre_is_on_actor(void) { return swift_task_getCurrentExecutor().identity != NULL; }

// `epoll_pwait2(2)`, which waits to the nanosecond. Kernels before 5.11 lack it (ENOSYS), and seccomp profiles that are older
// than it refuse it (EPERM, EACCES): there `epoll_wait(2)` waits to the millisecond, rounded up. A time-out of UINT64_MAX
// has no limit. The number of events, or -1 and errno.
int gyre_epoll_wait(int fd, struct epoll_event *events, int count, uint64_t nanoseconds);

// The calling thread's number, as top and /proc show it; asked of the kernel once a thread. gettid(2)
pid_t gyre_thread_number(void);

// Dispatch's main queue. The descriptor, an eventfd(2), is readable when there is something to run; -1 where there is no
// Dispatch, -2 in the child of a fork(2), where Dispatch does not work. Draining runs what is in the queue at that moment,
// on the main thread. Appending is for any thread; false where there is no Dispatch.
int gyre_main_queue_descriptor(void);
void gyre_main_queue_drain(int descriptor);
bool gyre_main_queue_append(void *context, void (*function)(void *));

// Names the calling thread; at most 15 bytes.
void gyre_name_thread(const char *name);

// The cores that the calling thread may run on, as bits, the lowest of the first byte first: the bytes that were written, or
// -1 and errno. And the call that keeps it on one: 0 or an error number. sched_setaffinity(2)
long gyre_allowed_cores(uint8_t *bits, size_t size);
int gyre_pin_thread(int core);

// sem_clockwait(3) on CLOCK_MONOTONIC for a number of nanoseconds: whether the semaphore was taken.
int gyre_semaphore_wait(sem_t *semaphore, uint64_t nanoseconds);

// Catches a signal by writing its number, one byte, to a descriptor: the same one for all signals; and puts back what was
// there before. 0 or an error number. sigaction(2)
int gyre_catch_signal(int signal, int fd);
void gyre_restore_signal(int signal);

// A descriptor that becomes readable when a child process ends, or -errno. pidfd_open(2)
int gyre_pidfd_open(pid_t pid);

// Sends a signal to the process that a pidfd names, and to no other that has got its number since. 0 or an error number.
// pidfd_send_signal(2)
int gyre_pidfd_signal(int pidfd, int signal);

// Reaps the child process that a pidfd names: 1 if it has ended, with its status as waitpid(2) gives it; 0 while it runs; or
// -errno: ECHILD if somebody else has reaped it. waitid(2)
int gyre_reap(int pidfd, int *status);

// Has the kernel keep ended children until they are asked for, as it does unless SIGCHLD is ignored, which a process inherits,
// or handled with SA_NOCLDWAIT. 0 or an error number. sigaction(2)
int gyre_keep_ended_children(void);

// Has the kernel end this process after some time. 0 or an error number. timer_create(2)
int gyre_kill_after(uint64_t nanoseconds);

// Has the kernel send this process a signal when the thread that started it ends. 0 or an error number. PR_SET_PDEATHSIG
int gyre_end_with_parent(int signal);

// Has a child process start without the descriptors from `first` on. 0 or an error number.
int gyre_close_from(posix_spawn_file_actions_t *actions, int first);

// Accepts one connection into a slot of the ring's table of files that the kernel chooses. liburing 2.3 adds 1 to the number
// that says so, which makes it an ordinary accept.
static inline void gyre_prep_accept_direct(struct io_uring_sqe *sqe, int fd) {
  io_uring_prep_accept(sqe, fd, NULL, NULL, 0);
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
}

// accept4(2) without the peer's address.
int gyre_accept(int fd, int flags);

// Has the kernel drop the SYNs that come to a listening socket from now on; clients send theirs again after a second. What
// has begun goes on. Counts for everybody who has the socket. 0 or an error number. SO_ATTACH_FILTER, socket(7)
int gyre_drop_new_connections(int fd);

// fork(2): Swift's view of the C library leaves it out.
pid_t gyre_fork(void);

// The total of bytes after which a multishot receive ends (Linux 6.18): `optlen`, which liburing 2.3 knows as the
// `file_index` of other operations. Kernels without it answer EINVAL unless it is 0.
static inline void gyre_sqe_set_receive_limit(struct io_uring_sqe *sqe, uint32_t bytes) { sqe->file_index = bytes; }

// Has a multishot receive fill several provided buffers with one completion, and end after so many bytes. Kernels that know
// the limit take the most of one completion in `len`.
static inline void gyre_sqe_receive_bundles(struct io_uring_sqe *sqe, uint32_t bytes) {
  sqe->ioprio |= GYRE_RECVSEND_BUNDLE;
  sqe->len = bytes;
  gyre_sqe_set_receive_limit(sqe, bytes);
}

// Tell ThreadSanitizer that what happened before a release of `address` happened before an acquire of it that follows:
// it does not see the locks of Swift's Synchronization module. Nothing in other builds.
void gyre_sanitizer_acquire(void *address);
void gyre_sanitizer_release(void *address);
// The running task comes after what the runtime says that it resumed.
void gyre_sanitizer_resumed(void);
