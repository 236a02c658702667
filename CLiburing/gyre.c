#define _GNU_SOURCE
#include "CLiburing.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

_Thread_local void *gyre_thread_loop;

// GNU extensions that Swift's view of the C library leaves out.
const char *gyre_errno_name(int number) { return strerrorname_np(number); }
const char *gyre_errno_text(int number) { return strerrordesc_np(number); }

int gyre_epoll_wait(int fd, struct epoll_event *events, int count, uint64_t nanoseconds) {
  if (nanoseconds == UINT64_MAX) return epoll_wait(fd, events, count, -1);
  if (nanoseconds == 0) return epoll_wait(fd, events, count, 0);
  struct timespec limit = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  int result = epoll_pwait2(fd, events, count, &limit, NULL);
  if (result >= 0 || errno != ENOSYS) return result;
  uint64_t milliseconds = (nanoseconds + 999999) / 1000000;
  return epoll_wait(fd, events, count, milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds);
}

void gyre_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int gyre_accept(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }

// Swift marks fork(2) unavailable, does not see gettid(2), and cannot call what is variadic.
pid_t gyre_fork(void) { return fork(); }
pid_t gyre_thread_number(void) { return (pid_t)syscall(__NR_gettid); }
int gyre_pidfd_open(pid_t process) { return (int)syscall(__NR_pidfd_open, process, 0); }
void gyre_die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void gyre_sanitizer_acquire(void *address) { __tsan_acquire(address); }
void gyre_sanitizer_release(void *address) { __tsan_release(address); }
#else
void gyre_sanitizer_acquire(void *address) { (void)address; }
void gyre_sanitizer_release(void *address) { (void)address; }
#endif
