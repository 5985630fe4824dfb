import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { logRecords, type TransformProcessor } from 'bpflow/sdk';
import { fakeScope, sampleBatch } from 'bpflow/testing';
import { filterConfig } from './config.ts';
import spec from './index.ts';

const scope = () => fakeScope('processor', 'filter', { name: 'test' });

function processor(config: unknown, its = scope()): TransformProcessor {
  return spec.create(filterConfig.parse(config), its, {}) as TransformProcessor;
}

const ALL = ['http.requests', 'queue.fill', 'http.duration', 'http.size'];

describe('metrics', () => {
  const rows: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['nothing configured', {}, ALL],
    ['include, strict', { include: { match_type: 'strict', metric_names: ['queue.fill', 'other'] } }, ['queue.fill']],
    [
      'include, regexp',
      { include: { match_type: 'regexp', metric_names: ['^http\\..*'] } },
      ['http.requests', 'http.duration', 'http.size'],
    ],
    ['include, glob', { include: { match_type: 'glob', metric_names: ['*.fill'] } }, ['queue.fill']],
    [
      'exclude',
      { exclude: { match_type: 'regexp', metric_names: ['si'] } },
      ['http.requests', 'queue.fill', 'http.duration'],
    ],
    [
      'include, then exclude',
      {
        include: { match_type: 'regexp', metric_names: ['http'] },
        exclude: { match_type: 'strict', metric_names: ['http.size'] },
      },
      ['http.requests', 'http.duration'],
    ],
    [
      'resource excluded',
      { exclude: { match_type: 'strict', resource_attributes: [{ key: 'host.name', value: 'node-1' }] } },
      [],
    ],
    [
      'resource included',
      { include: { match_type: 'regexp', resource_attributes: [{ key: 'host.name', value: 'node' }] } },
      ALL,
    ],
    [
      'resource not included',
      { include: { match_type: 'strict', resource_attributes: [{ key: 'host.name', value: 'node' }] } },
      [],
    ],
    [
      'excluded by name or by resource, either will do',
      {
        exclude: {
          match_type: 'strict',
          metric_names: ['queue.fill'],
          resource_attributes: [{ key: 'host.name', value: 'other' }],
        },
      },
      ['http.requests', 'http.duration', 'http.size'],
    ],
  ];
  for (const [name, metrics, wanted] of rows) {
    test(name, () => {
      const kept = processor({ metrics }).transform.metrics!(sampleBatch('metrics'));
      assert.deepEqual(kept?.metrics.map((metric) => metric.name) ?? [], wanted);
    });
  }
});

describe('logs', () => {
  const rows: readonly (readonly [string, unknown, readonly number[]])[] = [
    ['by lowest severity', { include: { match_type: 'strict', severity_number: { min: 'warn' } } }, [17, 13]],
    ['by severity text', { include: { match_type: 'regexp', severity_texts: ['(?i)info'] } }, [9]],
    ['by body', { exclude: { match_type: 'strict', bodies: ['Slow.'] } }, [9, 17]],
    ['by attribute', { include: { match_type: 'strict', record_attributes: [{ key: 'port', value: 8080 }] } }, [9]],
    [
      'by the presence of an attribute',
      { exclude: { match_type: 'strict', record_attributes: [{ key: 'path' }] } },
      [9, 17],
    ],
    [
      'by resource',
      { exclude: { match_type: 'glob', resource_attributes: [{ key: 'service.name', value: 'check*' }] } },
      [],
    ],
    ['without properties', { include: { match_type: 'strict' } }, [9, 17, 13]],
  ];
  for (const [name, logs, wanted] of rows) {
    test(name, () => {
      const kept = processor({ logs }).transform.logs!(sampleBatch('logs'));
      assert.deepEqual(kept === undefined ? [] : [...logRecords(kept)].map((record) => record.severity), wanted);
    });
  }
});

test('spans are kept by name, kind, service and attributes', () => {
  const spans = sampleBatch('traces');
  const include = { match_type: 'regexp', services: ['^check'], span_kinds: ['.'] };
  assert.equal(processor({ spans: { include } }).transform.traces!(spans), spans);
  assert.equal(processor({ spans: { exclude: include } }).transform.traces!(spans), undefined);
});

test('kinds of spans have the names that OTLP gives them', () => {
  const spans = sampleBatch('traces');
  const kept = (kind: string) =>
    processor({ spans: { include: { match_type: 'strict', span_kinds: [kind] } } }).transform.traces!(spans)?.length ??
    0;
  const kinds = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
  assert.deepEqual(
    kinds.map((kind) => kept(`SPAN_KIND_${kind}`)),
    kinds.map((_, i) => spans.kind.filter((number) => number === i + 1).length),
  );
  const wrong = filterConfig.safeParse({ spans: { include: { match_type: 'strict', span_kinds: ['Server'] } } });
  assert.match(wrong.error!.issues[0]!.message, /^unknown span kind "Server"; use one of SPAN_KIND_INTERNAL, /);
});

test('what is dropped is counted under the names of the Collector', () => {
  const its = scope();
  const all = { match_type: 'regexp', metric_names: ['.'] };
  processor({ metrics: { exclude: all } }, its).transform.metrics!(sampleBatch('metrics'));
  assert.equal(its.meter.value('otelcol_processor_filter_datapoints_filtered', { filter: 'filter/test' }), 12);
});

test('conditions in OTTL are refused with what to use instead', () => {
  const result = filterConfig.safeParse({ logs: { log_record: ['body == "x"'] } });
  assert.equal(result.error!.issues[0]!.message, 'conditions in OTTL are not supported; use include and exclude');
});
