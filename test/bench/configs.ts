/** The receiver with these keys, collected every second, handed to nobody: kernel cost alone. */
export function receiverOnly(ebpf: string): string {
  return JSON.stringify({
    receivers: { ebpf: '@' },
    exporters: { debug: { verbosity: 'basic' } },
    service: {
      admin: { endpoint: 'none' },
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: ['ebpf'], exporters: ['debug'] } },
    },
  }).replace('"@"', ebpf);
}
