/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// The same as file_latency, and the bytes by process.
#define WITH_BYTES
#include "file_latency.bpf.c"
