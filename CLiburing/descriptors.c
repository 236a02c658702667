#define _GNU_SOURCE
#include "CLiburing.h"

#include <fcntl.h>

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
