import { type AttributeLimit, type AttributeValue, compileRegexp, Double, valueText } from 'bpflow/sdk';
import type { AttributeRule } from './config.ts';

/** The rules for attributes, compiled. */
export function attributeLimits(
  rules: Readonly<Record<string, AttributeRule>>,
  overflowValue: string,
): ReadonlyMap<string, AttributeLimit> {
  return new Map(Object.entries(rules).map(([name, rule]) => [name, attributeLimit(rule, overflowValue)]));
}

function attributeLimit(rule: AttributeRule, overflowValue: string): AttributeLimit {
  if (rule === 'drop') return { drop: true };
  if (typeof rule === 'number') return { maxValues: rule };
  const rewrite = rewriteOf(rule, overflowValue);
  return {
    ...(rewrite && { rewrite }),
    ...(rule.max_values !== undefined && { maxValues: rule.max_values }),
  };
}

function rewriteOf(
  rule: Exclude<AttributeRule, number | string>,
  overflowValue: string,
): ((value: AttributeValue) => AttributeValue) | undefined {
  const { buckets, regex, routes } = rule;
  if (buckets !== undefined) return bucketOf(buckets, overflowValue);
  if (regex !== undefined) return replaced(regex, rule.replacement ?? overflowValue.replaceAll('$', '$$$$'));
  if (routes === 'auto') return (value) => (typeof value === 'string' ? templateOf(value) : value);
  return routes && routeOf(routes, overflowValue);
}

/** The bucket (lower, upper] that a number lies in, named by its upper bound as in Prometheus. */
function bucketOf(bounds: readonly number[], overflowValue: string): (value: AttributeValue) => string {
  return (value) => {
    const number = numberOf(value);
    if (Number.isNaN(number)) return overflowValue;
    const bound = bounds.find((candidate) => number <= candidate);
    return bound === undefined ? '+Inf' : String(bound);
  };
}

/** NaN for what is no number. */
function numberOf(value: AttributeValue): number {
  if (typeof value === 'string') return value.trim() === '' ? Number.NaN : Number(value);
  if (value instanceof Double) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN;
}

function replaced(regex: string, replacement: string): (value: AttributeValue) => AttributeValue {
  const { source, flags } = compileRegexp(regex);
  const expression = new RegExp(source, `${flags}g`);
  return (value) => {
    const text = valueText(value);
    const result = text.replace(expression, replacement);
    return result === text ? value : result;
  };
}

/** The first template that matches a path. */
function routeOf(templates: readonly string[], overflowValue: string): (value: AttributeValue) => string {
  const routes = templates.map((template) => ({ template, expression: routeExpression(template) }));
  return (value) => {
    const path = pathOf(valueText(value));
    return routes.find(({ expression }) => expression.test(path))?.template ?? overflowValue;
  };
}

function routeExpression(template: string): RegExp {
  const segments = template.split('/').map((segment) => {
    if (segment === '**') return '.*';
    if (segment === '*' || /^(?:\{[^}]*\}|:.+)$/.test(segment)) return '[^/]+';
    return segment.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}$`, 's');
}

/** A path with `{id}` in place of segments that look like ids. */
function templateOf(value: string): string {
  return pathOf(value)
    .split('/')
    .map((segment) => (looksLikeId(segment) ? '{id}' : segment))
    .join('/');
}

/** Numbers, UUIDs, hashes, and long tokens with digits. */
function looksLikeId(segment: string): boolean {
  if (!/\d/.test(segment)) return false;
  return (
    /^\d+$/.test(segment) ||
    /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(segment) ||
    /^[0-9a-f]{8,}$/i.test(segment) ||
    /^[\w-]{20,}$/.test(segment)
  );
}

/** Without query and fragment. */
function pathOf(text: string): string {
  const end = text.search(/[?#]/);
  return end < 0 ? text : text.slice(0, end);
}
