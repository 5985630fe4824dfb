import type { MetricDefinition } from '../pdata/metrics.ts';
import type { Signal } from '../pdata/signals.ts';
import type { Scope } from './scope.ts';

/** What a component is given to plan with: nothing that only a running agent has. */
export interface PlanScope extends Pick<Scope, 'id' | 'agent' | 'clock' | 'get' | 'find'> {
  /** Signals of the pipelines that it stands in. */
  readonly signals: ReadonlySet<Signal>;
  /** What the configuration uses, as `receiver/ebpf`. */
  readonly used: ReadonlySet<string>;
}

/**
 * What a component can do on this machine with this configuration, told by `bpflow plan` before anything is started. All parts
 * but the metrics may be empty.
 */
export interface ComponentPlan {
  readonly checks: readonly PlanCheck[];
  readonly metrics: readonly PlannedMetric[];
  readonly programs: readonly PlannedProgram[];
  readonly memory: readonly PlannedMemory[];
  /** CPUs that {@link memory} was computed for. */
  readonly cpus?: number;
  readonly needs: readonly PlannedNeed[];
  /** How costs were measured, or why they were not; one sentence. */
  readonly method: string;
}

/** A condition of the machine. */
export interface PlanCheck {
  /** `kernel version`, `BTF`, … */
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly found: string;
  /** What to do when it is not met; empty otherwise. */
  readonly advice: string;
}

/** `inexact`: counted, marked in name and description. `absent`: this machine cannot. `off`: the configuration does not ask for it. */
export type MetricState = 'exact' | 'inexact' | 'absent' | 'off';

export interface PlannedMetric {
  readonly name: string;
  readonly seedName: string;
  readonly kind: MetricDefinition['kind'];
  readonly unit: string;
  readonly state: MetricState;
  /** Why it is not exact, not there, or off; empty otherwise. */
  readonly reason: string;
  /** Names of the programs that it stands on. */
  readonly programs: readonly string[];
  /** What else it is counted from, which somebody else has to offer. */
  readonly from?: string;
  /** Features of {@link ComponentPlan.needs} that they take. */
  readonly needs: readonly string[];
  /** What it is read from. */
  readonly memory: readonly string[];
  /** Measured ns for one event: its programs together. Undefined where nothing runs for an event, or nothing was measured. */
  readonly costNs?: number;
}

/** A program, or another thing that is attached somewhere. */
export interface PlannedProgram {
  readonly program: string;
  /** `used`: a file with programs of the user's own. */
  readonly state: 'attached' | 'failed' | 'off' | 'used';
  /** Empty when attached. */
  readonly reason: string;
  /** Where it is attached: `tp_btf/sys_exit`. */
  readonly hook: string;
  /** Hooks that would be tried next, the strongest first. */
  readonly below: readonly string[];
  /** What is lost without it, in one sentence. */
  readonly without: string;
  /** Whether it runs for each event, or once for each collection. */
  readonly runs: 'event' | 'collection';
  readonly needs: readonly string[];
  /** Average run time; undefined where it never ran while it was measured. */
  readonly costNs?: number;
  /** Runs that the average is of. */
  readonly runsMeasured?: number;
}

export interface PlannedMemory {
  readonly name: string;
  readonly type: string;
  readonly entries: number;
  readonly bytes: number;
  /** What more it takes as things come to be, in words; empty when nothing. */
  readonly grows: string;
}

/** A right, and what it is for. */
export interface PlannedNeed {
  readonly feature: string;
  readonly capabilities: readonly string[];
  /** Namespaces of the host that it must run in. */
  readonly namespaces: readonly string[];
  readonly met: boolean;
  /** What is lost without it. */
  readonly without: string;
  /** How each way to run the agent gives it. */
  readonly given: Readonly<Record<string, string>>;
}
