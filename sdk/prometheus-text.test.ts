import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  escapeHelp,
  escapeLabelValue,
  formatFloat,
  formatInteger,
  formatOpenMetricsFloat,
  isLegacyLabelName,
  isLegacyMetricName,
  type MetricNaming,
  prometheusLabelName,
  prometheusMetricName,
  type TranslationStrategy,
  underscoreEscape,
} from './prometheus-text.ts';

const gauge = (name: string, unit = '', more: Partial<MetricNaming> = {}): MetricNaming => ({
  name,
  unit,
  type: 'gauge',
  ...more,
});

describe('metric names', () => {
  const cases: readonly [MetricNaming, string][] = [
    [gauge('1st.metric-name/x', 'ms'), '_1st_metric_name_x_milliseconds'],
    [gauge('mem.usage', 'By'), 'mem_usage_bytes'],
    [gauge('mem.usage.bytes', 'By'), 'mem_usage_bytes'],
    [gauge('temp', 'Cel'), 'temp_celsius'],
    [gauge('net.speed', 'By/s'), 'net_speed_bytes_per_second'],
    [gauge('rate', '{request}/s'), 'rate_per_second'],
    [gauge('rate', 'By/{request}'), 'rate_bytes'],
    [gauge('queue', '{items}'), 'queue'],
    [gauge('cust', 'widgets'), 'cust_widgets'],
    [gauge('cpu', '%'), 'cpu_percent'],
    [gauge('share', '1'), 'share_ratio'],
    [gauge('mem.ratio', '1'), 'mem_ratio'],
    [gauge('balance', '1', { ratio: false }), 'balance'],
    [gauge('requests', '1', { type: 'counter' }), 'requests_total'],
    [gauge('total.requests', '', { type: 'counter' }), 'requests_total'],
    [gauge('http.duration', 's', { type: 'histogram' }), 'http_duration_seconds'],
    [gauge('a__b..c'), 'a_b_c'],
    [gauge('héé'), 'h'],
    [gauge('unit', 'unit@with#special/chars'), 'unit_unit_with_special_per_chars'],
    [gauge('x', '', { namespace: 'my_ns' }), 'my_ns_x'],
    [gauge('1x', '', { namespace: 'ns' }), 'ns_1x'],
    [gauge('@#$'), '_'],
    [gauge(''), '_'],
    [gauge('x', 'constructor'), 'x_constructor'],
  ];
  for (const [metric, expected] of cases) {
    test(`${metric.name} in ${metric.unit || 'no unit'} (${metric.type}) is ${expected}`, () => {
      assert.equal(prometheusMetricName(metric, 'UnderscoreEscapingWithSuffixes'), expected);
    });
  }

  test('other strategies leave out suffixes, escapes, or both', () => {
    const named = (strategy: TranslationStrategy): string =>
      prometheusMetricName(gauge('cpu.time', 's', { type: 'counter', namespace: 'ns' }), strategy);
    assert.equal(named('UnderscoreEscapingWithoutSuffixes'), 'ns_cpu_time');
    assert.equal(named('NoUTF8EscapingWithSuffixes'), 'ns_cpu.time_seconds_total');
    assert.equal(named('NoTranslation'), 'ns_cpu.time');
  });

  test('UTF-8 names keep each suffix once, in the usual order', () => {
    const named = (metric: MetricNaming): string => prometheusMetricName(metric, 'NoUTF8EscapingWithSuffixes');
    assert.equal(named(gauge('cpu_seconds_total', 's', { type: 'counter' })), 'cpu_seconds_total');
    assert.equal(named(gauge('requêsts', '1/s', { type: 'counter' })), 'requêsts_per_second_total');
    assert.equal(named(gauge('mem.ratio', '1')), 'mem_ratio');
  });

  test('whatever the name and unit, the escaped name is valid', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, unit) => {
        for (const type of ['gauge', 'counter', 'histogram', 'summary'] as const) {
          assert.ok(isLegacyMetricName(prometheusMetricName({ name, unit, type }, 'UnderscoreEscapingWithSuffixes')));
          assert.ok(
            isLegacyMetricName(prometheusMetricName({ name, unit, type }, 'UnderscoreEscapingWithoutSuffixes')),
          );
          assert.ok(isLegacyMetricName(underscoreEscape(name)));
        }
      }),
    );
  });
});

describe('label names', () => {
  test('are escaped as the Collector does', () => {
    assert.equal(prometheusLabelName('http.method'), 'http_method');
    assert.equal(prometheusLabelName('9lead'), 'key_9lead');
    assert.equal(prometheusLabelName('_under'), '_under');
    assert.equal(prometheusLabelName('héé'), 'h__');
  });

  test('never reach the names that Prometheus keeps for itself', () => {
    assert.equal(prometheusLabelName('__name__'), 'key__name__');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const name = prometheusLabelName(key);
        assert.ok(isLegacyLabelName(name) && !name.startsWith('__'));
      }),
    );
  });
});

describe('escapes', () => {
  test('keep every text on one line', () => {
    assert.equal(escapeHelp('a "b" \\ c\nd'), 'a "b" \\\\ c\\nd');
    assert.equal(escapeLabelValue('a"b\\c\nd'), 'a\\"b\\\\c\\nd');
  });

  test('can be undone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeLabelValue(text);
        assert.ok(!escaped.includes('\n'));
        assert.equal(
          escaped.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)),
          text,
        );
      }),
    );
  });
});

describe('numbers', () => {
  test('floats are printed as Go prints them', () => {
    const cases: readonly [number, string][] = [
      [0, '0'],
      [-0, '0'],
      [1, '1'],
      [-1.5, '-1.5'],
      [0.1, '0.1'],
      [0.0001, '0.0001'],
      [0.00001, '1e-05'],
      [999999, '999999'],
      [1e6, '1e+06'],
      [1234567, '1.234567e+06'],
      [1795227393, '1.795227393e+09'],
      [1e21, '1e+21'],
      [1e100, '1e+100'],
      [5e-324, '5e-324'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, '+Inf'],
      [Number.NEGATIVE_INFINITY, '-Inf'],
    ];
    for (const [value, text] of cases) assert.equal(formatFloat(value), text);
  });

  test('floats survive printing', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(Number(formatFloat(value)), value === 0 ? 0 : value);
      }),
    );
  });

  test('integers have all their digits', () => {
    assert.equal(formatInteger(9007199254740991), '9007199254740991');
    assert.equal(formatInteger(1e21), '1000000000000000000000');
    assert.equal(formatInteger(18446744073709551615n), '18446744073709551615');
    assert.equal(formatInteger(-0), '0');
    assert.equal(formatInteger(Number.NaN), 'NaN');
  });

  test('OpenMetrics floats are told from integers', () => {
    assert.equal(formatOpenMetricsFloat(42), '42.0');
    assert.equal(formatOpenMetricsFloat(0.5), '0.5');
    assert.equal(formatOpenMetricsFloat(1e6), '1e+06');
    assert.equal(formatOpenMetricsFloat(Number.POSITIVE_INFINITY), '+Inf');
  });
});
