#define _GNU_SOURCE
#include "CLiburing.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Before anything else of the program runs, so that it is before its first descriptor and its first thread: what is closed of
// the three standard descriptors is opened. Or the first sockets would get their numbers, and what is printed or logged
// would go to a client. Worker processes run this too, and inherit what it has opened.
__attribute__((constructor(101))) static void gyre_open_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free is this one. Where there is no /dev, reading and writing go on failing. open(2)
    if (open("/dev/null", O_RDWR) < 0) open("/", O_PATH);
  }
}

enum { FIRST_PASSED = 3, MOST_PASSED = 1 << 16 };

// A decimal number from 0 to `most`, with `end` behind its digits; -1 if the text is none.
static long gyre_number(const char *text, long most, const char **end) {
  long number = 0;
  const char *digit = text;
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    number = number * 10 + (*digit - '0');
    if (number > most) return -1;
  }
  *end = digit;
  return digit == text ? -1 : number;
}

// Whether the text after the number of sockets names the socket that this process has been given; nothing there is an older
// supervisor's way, which names its process only.
static bool gyre_is_own_socket(const char *text, pid_t supervisor) {
  if (*text == '\0') return getppid() == supervisor;
  struct stat status;
  const char *end;
  if (*text != ':' || fstat(FIRST_PASSED, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  return gyre_number(text + 1, LONG_MAX / 10 - 1, &end) == (long)status.st_ino && *end == '\0';
}

// How many descriptors a supervisor has passed, the control socket among them: PROCESS:KIND:COUNT:SOCKET. What is wrong about
// the variable is said when the server runs.
static long gyre_passed_by_supervisor(void) {
  const char *text = getenv("GYRE_WORKER");
  if (text == NULL) return 0;
  long supervisor = gyre_number(text, INT32_MAX, &text);
  if (supervisor <= 0 || *text != ':') return 0;
  text = strchr(text + 1, ':');
  if (text == NULL) return 0;
  long count = gyre_number(text + 1, MOST_PASSED, &text);
  return count > 0 && gyre_is_own_socket(text, (pid_t)supervisor) ? count + 1 : 0;
}

// How many descriptors a service manager has passed to this process. sd_listen_fds(3)
static long gyre_passed_by_service_manager(void) {
  const char *process = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *end;
  if (process == NULL || count == NULL || gyre_number(process, INT32_MAX, &end) != getpid() || *end != '\0') return 0;
  long number = gyre_number(count, MOST_PASSED, &end);
  return number > 0 && *end == '\0' ? number : 0;
}

static void gyre_pass_over(int signal) { (void)signal; }

// A worker starts with SIGHUP blocked. What is caught is the default again in the programs that it starts, as it would be
// without this; an ignored or a blocked signal they would inherit. signal(7)
static void gyre_pass_over_hang_ups(void) {
  struct sigaction action;
  if (sigaction(SIGHUP, NULL, &action) != 0) return;
  // Ignored by whoever started the server: it stays so.
  if (action.sa_handler == SIG_DFL) {
    action = (struct sigaction){.sa_handler = gyre_pass_over, .sa_flags = SA_RESTART};
    sigaction(SIGHUP, &action, NULL);
  }
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

// Also before the program's first step: a program that it starts before its server runs would inherit what this process was
// given, and keep a port busy or a client's connection open for as long as it lives. And a signal to a whole group does not
// wait until a worker serves.
__attribute__((constructor(102))) static void gyre_keep_what_was_passed(void) {
  long count = gyre_passed_by_supervisor();
  if (count > 0) gyre_pass_over_hang_ups();
  if (count == 0) count = gyre_passed_by_service_manager();
  for (int fd = FIRST_PASSED; fd < FIRST_PASSED + count && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0; fd++) {}
}
