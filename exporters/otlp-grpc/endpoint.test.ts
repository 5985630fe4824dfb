import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcTarget } from './endpoint.ts';

test('endpoints are read as in the Collector', () => {
  for (const [endpoint, target, forceTls = false] of [
    ['localhost:4317', 'dns:localhost:4317'],
    ['[::1]:4317', 'dns:[::1]:4317'],
    ['http://collector:4317', 'dns:collector:4317'],
    ['http://collector:4317/', 'dns:collector:4317'],
    ['https://collector:4317', 'dns:collector:4317', true],
    ['dns:///collector:4317', 'dns:collector:4317'],
    ['dns:collector:4317', 'dns:collector:4317'],
    ['dns://10.0.0.1/collector:4317', 'dns://10.0.0.1/collector:4317'],
    ['passthrough:///collector:4317', 'dns:collector:4317'],
    ['unix:///run/otlp.sock', 'unix:///run/otlp.sock'],
    ['unix:run/otlp.sock', 'unix:run/otlp.sock'],
    ['ipv4:10.0.0.1:4317,10.0.0.2:4317', 'ipv4:10.0.0.1:4317,10.0.0.2:4317'],
  ] as const) {
    assert.deepEqual(grpcTarget(endpoint), { target, forceTls }, endpoint);
  }
});

test('what is none is refused with the reason', () => {
  for (const [endpoint, message] of [
    ['', 'requires a non-empty "endpoint"'],
    ['http://', 'requires a non-empty "endpoint"'],
    ['localhost', 'address localhost: missing port in address'],
    ['https://localhost', 'address localhost: missing port in address'],
    ['::1', 'address ::1: too many colons in address'],
    ['localhost:http', 'invalid port "http"'],
    ['localhost:', 'invalid port ""'],
    ['localhost:70000', 'invalid port "70000"'],
  ] as const) {
    assert.throws(() => grpcTarget(endpoint), { name: 'RangeError', message }, endpoint);
  }
});
