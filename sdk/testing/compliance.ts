import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import type { Signal, Signals } from '../../pdata/signals.ts';
import type { ComponentSpec } from '../component.ts';
import { checkConfig } from './compliance-config.ts';
import { checkItems } from './compliance-items.ts';
import { checkLifecycle } from './compliance-lifecycle.ts';
import type { FakeScope } from './fake-scope.ts';

export interface ComplianceOptions {
  /** A valid body, as it stands below the component's id in YAML. With ports of 0: the battery starts the component. Default: `{}`. */
  readonly config?: unknown;
  /** A body, or several, that must be refused. */
  readonly badConfig?: unknown;
  /** What the component consumes in the battery. Default: a few of each kind of item; see `sampleBatch`. */
  readonly batches?: { readonly [S in Signal]?: readonly Signals[S][] };
  /** Makes the scope for each instance, for example with the services that the component needs. */
  readonly scope?: () => FakeScope;
  /** Where the component's README.md is. Default: the folder of the test file. */
  readonly folder?: string;
}

/**
 * What every component must keep, as tests: its config, its README, its life, and what becomes of each item. To be called at
 * the top of a test file of the component.
 */
export function describeCompliance(spec: ComponentSpec, options: ComplianceOptions = {}): void {
  describe(`${spec.kind} ${spec.type} keeps the contract:`, () => {
    test('its type is snake case, its description a sentence', () => {
      assert.match(spec.type, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      assert.match(spec.description, /^[^\s].*\.$/s);
    });
    checkConfig(spec, options);
    checkLifecycle(spec, options);
    checkItems(spec, options);
  });
}
