// Runs a command where io_uring_setup(2) fails, as it does under a container's seccomp profile or an old kernel.
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
#error "deny-io-uring knows the system calls of x86_64 and aarch64 only"
#endif

// The number of io_uring_setup is the same on every architecture. x32 programs call it with one bit more.
#define SETUP 425
#define X32_BIT 0x40000000u

enum { USAGE = 2, NO_FILTER = 125, NOT_RUN = 127 };

static const struct {
  const char *name;
  int number;
} errors[] = {{"EPERM", EPERM}, {"ENOSYS", ENOSYS}, {"EACCES", EACCES}, {"ENOMEM", ENOMEM}};

static void usage(void) {
  fprintf(stderr, "usage: deny-io-uring EPERM|ENOSYS|EACCES|ENOMEM COMMAND [ARGUMENT...]\n"
                  "Runs COMMAND where io_uring_setup(2) fails with that error; every other system call works.\n"
                  "Exits as COMMAND does; with 2 on wrong usage, 125 if the kernel takes no filter, 127 if COMMAND\n"
                  "cannot be run.\n");
  exit(USAGE);
}

static int error_number(const char *name) {
  for (size_t index = 0; index < sizeof(errors) / sizeof(errors[0]); index++) {
    if (strcmp(name, errors[index].name) == 0) return errors[index].number;
  }
  fprintf(stderr, "deny-io-uring: '%s' is not one of these errors\n", name);
  usage();
  return -1;
}

static int deny_setup(int error) {
  struct sock_filter program[] = {
      // A number means nothing without its architecture. A foreign one (32-bit code) has no business here: kill it, so
      // that no test passes because its denial was bypassed.
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SETUP, 0, 1),
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
  int error = error_number(arguments[1]);
  if (deny_setup(error) != 0) {
    fprintf(stderr, "deny-io-uring: the kernel takes no seccomp filter: %s\n", strerror(errno));
    return NO_FILTER;
  }
  execvp(arguments[2], arguments + 2);
  fprintf(stderr, "deny-io-uring: cannot run '%s': %s\n", arguments[2], strerror(errno));
  return NOT_RUN;
}
