// Suspending a task of Swift's without a continuation.
//
// A Swift async function is called with a frame of its own, the async context, whose first two words say whom to return
// to: the caller's frame and the function to call with this one. Returning means calling that function. So a function that
// wants to be suspended puts both into its task, which is a job, tells the runtime, and returns to whoever runs jobs;
// running the job again then is the return. This is what the runtime's own functions do, `swift_task_switch` for one.
#define _GNU_SOURCE
#include "CLiburing.h"

#include <dlfcn.h>

bool gyre_task_suspension = false;

#if __has_attribute(swiftasynccall)

struct async_context;
typedef __attribute__((swiftasynccall)) void (*resume_function)(__attribute__((swift_async_context)) struct async_context *);

struct async_context {
  struct async_context *parent;
  resume_function resume;
};

// Marks the running task as suspended and the thread as running none. Weak: a runtime that lacks it is one for which Swift
// code does not call what needs it.
__attribute__((weak, swiftcall)) void *swift_task_suspend(void);

bool gyre_is_new_task(const void *job) {
  const struct gyre_task *task = job;
  ptrdiff_t distance = (const char *)task->context - (const char *)task;
  Dl_info info;
  return swift_task_suspend != NULL && gyre_is_task(job) && distance > 0 && distance < 1024 &&
         dladdr((const void *)task->resume, &info) != 0;
}

__attribute__((swiftasynccall, visibility("hidden"))) void gyre_suspend_task(
    __attribute__((swift_async_context)) struct async_context *context) {
  struct gyre_task *task = swift_task_getCurrent();
  task->resume = (void (*)(void))context->resume;
  task->context = context;
  swift_task_suspend();
}

// What Swift calls an async function by: how far the function is from here, and the size of its context.
__asm__(".pushsection .data.rel.ro, \"aw\", @progbits\n"
        ".globl gyre_suspend_taskTu\n"
        ".hidden gyre_suspend_taskTu\n"
        ".type gyre_suspend_taskTu, @object\n"
        ".p2align 3\n"
        "gyre_suspend_taskTu:\n"
        ".long gyre_suspend_task - gyre_suspend_taskTu\n"
        ".long 16\n"
        ".size gyre_suspend_taskTu, 8\n"
        ".popsection\n");

#else

bool gyre_is_new_task(const void *job) {
  (void)job;
  return false;
}

#endif
