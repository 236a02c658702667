// Being told of a task's cancellation without a closure and without the frames of `withTaskCancellationHandler`.
#include "CLiburing.h"

// A handler as the runtime has it: a Swift function without arguments, and its context.
typedef __attribute__((swiftcall)) void (*cancellation_function)(__attribute__((swift_context)) void *context);
__attribute__((swiftcall)) void *swift_task_addCancellationHandler(cancellation_function function, void *context);
__attribute__((swiftcall)) void swift_task_removeCancellationHandler(void *record);

// The same for all handlers of the process, so that each needs no more than its argument.
static void (*gyre_on_cancel)(void *);

static __attribute__((swiftcall)) void gyre_task_cancelled(__attribute__((swift_context)) void *argument) {
  __atomic_load_n(&gyre_on_cancel, __ATOMIC_RELAXED)(argument);
}

void *gyre_add_cancellation_handler(void (*on_cancel)(void *), void *argument) {
  __atomic_store_n(&gyre_on_cancel, on_cancel, __ATOMIC_RELAXED);
  return swift_task_addCancellationHandler(gyre_task_cancelled, argument);
}

void gyre_remove_cancellation_handler(void *handler) { swift_task_removeCancellationHandler(handler); }
