#define _GNU_SOURCE
#include "chop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct side {
  int own;
  int other;
  int core;
  long rounds;
  int error;
};

static int keep_to(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  return pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
}

// Waits once and wakes the other, again and again.
static void *bounce(void *argument) {
  struct side *side = argument;
  side->error = keep_to(side->core);
  uint64_t count = 1;
  for (long round = 0; round < side->rounds; round++) {
    if (read(side->own, &count, 8) != 8) break;
    count = 1;
    if (write(side->other, &count, 8) != 8) break;
  }
  return NULL;
}

int chop_eventfd_pair(long rounds, int core, int other_core) {
  int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
  if (first < 0 || second < 0) return errno;
  struct side here = {first, second, core, rounds, 0}, there = {second, first, other_core, rounds, 0};
  pthread_t thread;
  int error = pthread_create(&thread, NULL, bounce, &there);
  if (error == 0) {
    uint64_t one = 1;
    if (write(first, &one, 8) == 8) bounce(&here);
    pthread_join(thread, NULL);
    error = here.error ? here.error : there.error;
  }
  close(first);
  close(second);
  return error;
}

uintptr_t chop_thread(void) { return (uintptr_t)pthread_self(); }
