// The C side of Gyre: liburing's inline functions, what liburing 2.3 lacks, raw system calls. No logic lives here.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

// liburing wants _GNU_SOURCE, under which <sys/select.h> names the field of `fd_set` otherwise than in Swift's own view of
// the C library, and one program cannot have both. Nothing here uses select(2), so its header counts as included.
#define _SYS_SELECT_H 1

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gyre_uapi.h"
#include "gyre_inline.h"
