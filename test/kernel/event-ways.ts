/** The ways of events from the kernel: one ring, and what there is without. */
export const WAYS = [
  { way: 'one ring', features: {} },
  { way: 'a buffer of each CPU', features: { ringbuf: 'off' } },
] as const;

/** Room for what the tests make: their process may not run for a while. */
export const ROOMY = { ring_buffer_size: 1 << 20, perf_buffer_size: 1 << 20 };
