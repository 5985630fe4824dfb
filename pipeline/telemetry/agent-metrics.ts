import { memoryUsage } from 'node:process';
import type { Meter } from '@opentelemetry/api';
import type { ComponentHealth } from '../../sdk/agent.ts';
import type { HealthState } from '../../sdk/scope.ts';
import { componentLabels } from './graph-metrics.ts';

const STATES: readonly HealthState[] = ['starting', 'ok', 'degraded', 'unavailable', 'stopped'];

/** Publishes what the process uses, under the Collector's names. */
export function observeProcess(meter: Meter): void {
  const uptime = meter.createObservableCounter('otelcol_process_uptime', {
    description: 'Uptime of the process. [Alpha]',
    unit: 's',
  });
  const cpu = meter.createObservableCounter('otelcol_process_cpu_seconds', {
    description: 'Total CPU user and system time in seconds. [Alpha]',
    unit: 's',
  });
  const rss = meter.createObservableGauge('otelcol_process_memory_rss', {
    description: 'Total physical memory (resident set size). [Alpha]',
    unit: 'By',
  });
  const heap = meter.createObservableGauge('otelcol_process_runtime_heap_alloc_bytes', {
    description: 'Bytes of allocated heap objects. [Alpha]',
    unit: 'By',
  });
  const reserved = meter.createObservableGauge('otelcol_process_runtime_total_sys_memory_bytes', {
    description: 'Total bytes of memory that the JavaScript engine obtained from the system. [Alpha]',
    unit: 'By',
  });
  meter.addBatchObservableCallback(
    (result) => {
      const { user, system } = process.cpuUsage();
      const memory = memoryUsage();
      result.observe(uptime, process.uptime());
      result.observe(cpu, (user + system) / 1e6);
      result.observe(rss, memory.rss);
      result.observe(heap, memory.heapUsed);
      result.observe(reserved, memory.heapTotal + memory.external);
    },
    [uptime, cpu, rss, heap, reserved],
  );
}

/** Publishes the components' health: 1 for the state each is in, 0 for the others. */
export function observeHealth(meter: Meter, health: () => readonly ComponentHealth[]): void {
  const gauge = meter.createObservableGauge('bpflow_component_health', {
    description: 'Whether the component is in this state.',
  });
  gauge.addCallback((result) => {
    for (const component of health()) {
      for (const state of STATES) {
        result.observe(component.state === state ? 1 : 0, { ...componentLabels(component), state });
      }
    }
  });
}

/** Counts errors that nothing handled; the agent goes on after them. */
export function unhandledErrorCounter(meter: Meter): (kind: string) => void {
  const counter = meter.createCounter('bpflow_unhandled_errors', {
    description: 'Errors that no component handled, by kind; each is in the log.',
  });
  return (kind) => counter.add(1, { kind });
}
