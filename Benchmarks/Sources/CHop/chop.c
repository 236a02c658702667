#include "chop.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

struct pair {
  int own;
  int other;
  long rounds;
};

static void *bounce(void *argument) {
  struct pair *pair = argument;
  uint64_t count = 1;
  for (long round = 0; round < pair->rounds; round++) {
    if (read(pair->own, &count, 8) != 8) break;
    count = 1;
    if (write(pair->other, &count, 8) != 8) break;
  }
  return NULL;
}

int chop_eventfd_pair(long rounds) {
  int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
  if (first < 0 || second < 0) return errno;
  struct pair here = {first, second, rounds}, there = {second, first, rounds};
  pthread_t thread;
  int error = pthread_create(&thread, NULL, bounce, &there);
  if (error == 0) {
    uint64_t one = 1;
    if (write(first, &one, 8) == 8) bounce(&here);
    pthread_join(thread, NULL);
  }
  close(first);
  close(second);
  return error;
}

long chop_cpu_time(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000L +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000L;
}
