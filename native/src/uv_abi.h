#pragma once

#include <cstddef>
#include <cstdint>

/**
 * The part of libuv's stable ABI (1.x) that the addon uses. Node exports these functions from its executable and says
 * so in its documentation, but the headers are in no package: node-api-headers has only Node-API, which gives the event
 * loop (napi_get_uv_event_loop) and no way to watch a descriptor on it. The alternatives are worse: a thread-safe
 * function needs a thread of our own for each environment, and a timer in JavaScript costs wake-ups while nothing
 * happens.
 *
 * Handles are opaque: their memory is allocated by uv_handle_size(). Enumerators are libuv's own; `LoopWatcher` checks
 * them by uv_handle_type_name() before it trusts them.
 */
extern "C" {

struct uv_loop_s;
struct uv_handle_s;

using uv_close_callback = void (*)(uv_handle_s* handle);
using uv_poll_callback = void (*)(uv_handle_s* handle, int status, int events);
using uv_timer_callback = void (*)(uv_handle_s* handle);

size_t uv_handle_size(int type);
const char* uv_handle_type_name(int type);
void uv_handle_set_data(uv_handle_s* handle, void* data);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_close(uv_handle_s* handle, uv_close_callback callback);

int uv_poll_init(uv_loop_s* loop, uv_handle_s* handle, int fd);
int uv_poll_start(uv_handle_s* handle, int events, uv_poll_callback callback);

int uv_timer_init(uv_loop_s* loop, uv_handle_s* handle);
int uv_timer_start(uv_handle_s* handle, uv_timer_callback callback, uint64_t timeoutMs, uint64_t repeatMs);
int uv_timer_stop(uv_handle_s* handle);
}

namespace bpflow {

constexpr int UV_POLL_TYPE = 8;
constexpr int UV_TIMER_TYPE = 13;
constexpr int UV_READABLE_EVENT = 1;

}  // namespace bpflow
