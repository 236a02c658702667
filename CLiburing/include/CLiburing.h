// The C side of Gyre: liburing's inline functions, what liburing 2.3 lacks, raw system calls, and the one function
// by which a Swift task suspends. No logic lives here.
#pragma once

// First of all a header of the C library, before liburing's defines _GNU_SOURCE: under that macro glibc declares some types
// otherwise (`fd_set`, `enum __rusage_who`) than in Swift's own view of the C library, and one program cannot have both.
// liburing's header does not need it on glibc. What does, is in gyre.c.
#include <unistd.h>

#include <arpa/inet.h>
#include <liburing.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "gyre_uapi.h"
#include "gyre_inline.h"
