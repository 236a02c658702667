// Runs a command where a system call fails, as it does under a container's seccomp profile or an old kernel.
//
// The filter is inherited by every process that the command starts, and cannot be taken off again: seccomp(2).
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "deny-call knows the system calls of x86_64 and aarch64 only"
#endif

// x32 programs call by these numbers with one bit more.
#define X32_BIT 0x40000000u

enum { USAGE = 2, NO_FILTER = 125, NOT_RUN = 127 };

struct name {
  const char *name;
  int number;
};

static const struct name errors[] = {
    {"EPERM", EPERM}, {"ENOSYS", ENOSYS}, {"EACCES", EACCES}, {"ENOMEM", ENOMEM}, {NULL, 0}};

// Calls so young that their numbers are the same on every architecture.
static const struct name calls[] = {{"io_uring_setup", 425}, {"epoll_pwait2", 441}, {"pidfd_open", 434}, {NULL, 0}};

static void usage(void) {
  fprintf(stderr, "usage: deny-call CALL=ERROR COMMAND [ARGUMENT...]\n"
                  "Runs COMMAND where CALL, io_uring_setup, epoll_pwait2 or pidfd_open, fails with ERROR: EPERM, ENOSYS,\n"
                  "EACCES or ENOMEM. Every other system call works. Exits as COMMAND does; with 2 on wrong usage, 125 if the kernel\n"
                  "takes no filter, 127 if COMMAND cannot be run.\n");
  exit(USAGE);
}

static int number_of(const struct name *names, const char *text, size_t length) {
  for (; names->name != NULL; names++) {
    if (strlen(names->name) == length && memcmp(names->name, text, length) == 0) return names->number;
  }
  fprintf(stderr, "deny-call: '%.*s' is not one that it knows\n", (int)length, text);
  usage();
  return -1;
}

static int deny(int call, int error) {
  struct sock_filter program[] = {
      // A number means nothing without its architecture. A foreign one (32-bit code) has no business here: kill it, so
      // that no test passes because its denial was bypassed.
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};
  // Without this an unprivileged process may install no filter.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int main(int count, char **arguments) {
  if (count < 3) usage();
  size_t length = strcspn(arguments[1], "=");
  if (arguments[1][length] != '=') usage();
  const char *error = arguments[1] + length + 1;
  if (deny(number_of(calls, arguments[1], length), number_of(errors, error, strlen(error))) != 0) {
    fprintf(stderr, "deny-call: the kernel takes no seccomp filter: %s\n", strerror(errno));
    return NO_FILTER;
  }
  execvp(arguments[2], arguments + 2);
  fprintf(stderr, "deny-call: cannot run '%s': %s\n", arguments[2], strerror(errno));
  return NOT_RUN;
}
