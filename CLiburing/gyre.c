#define _GNU_SOURCE
#include "CLiburing.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

_Thread_local void *gyre_thread_loop;

// GNU extensions that Swift's view of the C library leaves out.
const char *gyre_errno_name(int number) { return strerrorname_np(number); }
const char *gyre_errno_text(int number) { return strerrordesc_np(number); }

// The number of epoll_pwait2(2), the same on every architecture. Called by it, since the C library has the call only from
// glibc 2.35 on.
#define GYRE_NR_EPOLL_PWAIT2 441

int gyre_epoll_wait(int fd, struct epoll_event *events, int count, uint64_t nanoseconds) {
  if (nanoseconds == UINT64_MAX) return epoll_wait(fd, events, count, -1);
  if (nanoseconds == 0) return epoll_wait(fd, events, count, 0);
  static atomic_bool is_refused;
  if (!atomic_load_explicit(&is_refused, memory_order_relaxed)) {
    struct gyre_timespec limit = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    long result = syscall(GYRE_NR_EPOLL_PWAIT2, fd, events, count, &limit, NULL, 0);
    if (result >= 0 || (errno != ENOSYS && errno != EPERM && errno != EACCES)) return result;
    atomic_store_explicit(&is_refused, true, memory_order_relaxed);
  }
  uint64_t milliseconds = (nanoseconds + 999999) / 1000000;
  return epoll_wait(fd, events, count, milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds);
}

static _Thread_local pid_t gyre_number;
static bool gyre_is_fork;

pid_t gyre_thread_number(void) {
  if (gyre_number == 0) gyre_number = syscall(SYS_gettid);
  return gyre_number;
}

// The thread that forks is the child's only one, and has another number there.
static void gyre_note_fork(void) {
  gyre_number = 0;
  gyre_is_fork = true;
}

__attribute__((constructor)) static void gyre_watch_forks(void) { pthread_atfork(NULL, NULL, gyre_note_fork); }

// What CoreFoundation's run loop asks libdispatch for, under the names that exist for it. Weak: a program without Dispatch
// has none of them. A linker may settle a weak name too early that a shared library would bring, hence the look-up.
__attribute__((weak)) int _dispatch_get_main_queue_handle_4CF(void);
__attribute__((weak)) void _dispatch_main_queue_callback_4CF(void *);
__attribute__((weak)) void dispatch_async_f(void *queue, void *context, void (*function)(void *));
__attribute__((weak)) extern char _dispatch_main_q[];

static void *gyre_find(void *linked, const char *name) { return linked != NULL ? linked : dlsym(RTLD_DEFAULT, name); }

int gyre_main_queue_descriptor(void) {
  int (*handle)(void) = gyre_find((void *)_dispatch_get_main_queue_handle_4CF, "_dispatch_get_main_queue_handle_4CF");
  void *callback = gyre_find((void *)_dispatch_main_queue_callback_4CF, "_dispatch_main_queue_callback_4CF");
  if (gyre_is_fork) return -2;
  return handle == NULL || callback == NULL ? -1 : handle();
}

void gyre_main_queue_drain(int descriptor) {
  void (*callback)(void *) = gyre_find((void *)_dispatch_main_queue_callback_4CF, "_dispatch_main_queue_callback_4CF");
  uint64_t count;
  if (read(descriptor, &count, sizeof count) < 0) { /* Somebody else has run the queue meanwhile. */ }
  callback(NULL);
}

bool gyre_main_queue_append(void *context, void (*function)(void *)) {
  void (*append)(void *, void *, void (*)(void *)) = gyre_find((void *)dispatch_async_f, "dispatch_async_f");
  void *queue = gyre_find(_dispatch_main_q, "_dispatch_main_q");
  if (append == NULL || queue == NULL) return false;
  append(queue, context, function);
  return true;
}

void gyre_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

// The system calls themselves: the C library's cpu_set_t knows 1,024 cores. Their masks are words, as the kernel's are.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes in the order of the cores");

long gyre_allowed_cores(uint8_t *bits, size_t size) { return syscall(SYS_sched_getaffinity, 0, size, bits); }

int gyre_pin_thread(int core) {
  unsigned long bits[8192 / 8 / sizeof(long)] = {0};
  size_t word = 8 * sizeof(long);
  if (core < 0 || core / word >= sizeof bits / sizeof(long)) return EINVAL;
  bits[core / word] = 1ul << core % word;
  return syscall(SYS_sched_setaffinity, 0, sizeof bits, bits) == 0 ? 0 : errno;
}

int gyre_semaphore_wait(sem_t *semaphore, uint64_t nanoseconds) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  uint64_t sum = end.tv_nsec + nanoseconds % 1000000000;
  end.tv_sec += nanoseconds / 1000000000 + sum / 1000000000;
  end.tv_nsec = sum % 1000000000;
  int result;
  do result = sem_clockwait(semaphore, CLOCK_MONOTONIC, &end);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

// Read by a handler on any thread.
static atomic_int gyre_signal_descriptor = -1;
static struct sigaction gyre_previous_actions[NSIG];

static void gyre_note_signal(int signal) {
  int kept = errno;
  unsigned char byte = signal;
  if (write(atomic_load(&gyre_signal_descriptor), &byte, 1) != 1) { /* Full: as many as that are waiting to be looked at. */ }
  errno = kept;
}

int gyre_catch_signal(int signal, int fd) {
  atomic_store(&gyre_signal_descriptor, fd);
  struct sigaction action = {.sa_handler = gyre_note_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  return sigaction(signal, &action, &gyre_previous_actions[signal]) == 0 ? 0 : errno;
}

void gyre_restore_signal(int signal) { sigaction(signal, &gyre_previous_actions[signal], NULL); }

int gyre_pidfd_open(pid_t pid) {
  long result = syscall(SYS_pidfd_open, pid, 0);
  return result < 0 ? -errno : (int)result;
}

int gyre_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 ? 0 : errno;
}

int gyre_reap(int pidfd, int *status) {
  siginfo_t info;
  int result;
  do {
    info.si_pid = 0;
    result = waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return -errno;
  if (info.si_pid == 0) return 0;
  *status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
  return 1;
}

int gyre_keep_ended_children(void) {
  struct sigaction action;
  if (sigaction(SIGCHLD, NULL, &action) != 0) return errno;
  int is_ignored = !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN;
  if (!is_ignored && !(action.sa_flags & SA_NOCLDWAIT)) return 0;
  if (is_ignored) action.sa_handler = SIG_DFL;
  action.sa_flags &= ~SA_NOCLDWAIT;
  return sigaction(SIGCHLD, &action, NULL) == 0 ? 0 : errno;
}

int gyre_kill_after(uint64_t nanoseconds) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  struct itimerspec time = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
  // A time of zero would mean never.
  if (nanoseconds == 0) time.it_value.tv_nsec = 1;
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return errno;
  return timer_settime(timer, 0, &time, NULL) == 0 ? 0 : errno;
}

int gyre_end_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal) == 0 ? 0 : errno; }

int gyre_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int gyre_accept(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }

int gyre_drop_new_connections(int fd) {
  // The filter sees a segment from its TCP header on. A SYN is what begins a connection; everything else belongs to one.
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : errno;
}

// Swift marks fork(2) unavailable.
pid_t gyre_fork(void) { return fork(); }

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void gyre_sanitizer_acquire(void *address) { __tsan_acquire(address); }
void gyre_sanitizer_release(void *address) { __tsan_release(address); }
void gyre_sanitizer_resumed(void) {
  // The runtime names the order by the task.
  void *task = gyre_current_task();
  if (task) __tsan_acquire(task);
}
#else
void gyre_sanitizer_acquire(void *address) { (void)address; }
void gyre_sanitizer_release(void *address) { (void)address; }
void gyre_sanitizer_resumed(void) {}
#endif
