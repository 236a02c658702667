#define _GNU_SOURCE
#include "CLiburing.h"

#include <sched.h>
#include <string.h>
#include <time.h>

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

int gyre_allows_core(int core) {
  cpu_set_t cores;
  return core >= 0 && core < CPU_SETSIZE && sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_ISSET(core, &cores);
}

int gyre_pin_thread(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  return sched_setaffinity(0, sizeof cores, &cores) == 0 ? 0 : errno;
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

int gyre_accept(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }

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
