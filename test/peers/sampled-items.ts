/** Spans whose trace ids, tracestates and priorities are of every kind, always the same ones. */
export function spansRequest(count: number): object {
  const pick = randomOf(1);
  const spans = Array.from({ length: count }, (_, i) => ({
    traceId: traceId(pick),
    spanId: (i + 1).toString(16).padStart(16, '0'),
    name: `span ${i}`,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000000000001',
    ...(pick(2) === 0 ? {} : { traceState: traceState(pick) }),
    ...(pick(4) > 0 ? {} : { attributes: [attribute('sampling.priority', PRIORITIES[pick(PRIORITIES.length)]!)] }),
  }));
  return { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: { name: 'test' }, spans }] }] };
}

/** Log records of every kind likewise. */
export function logsRequest(count: number): object {
  const pick = randomOf(2);
  const logRecords = Array.from({ length: count }, (_, i) => {
    const attributes = [attribute('number', { intValue: String(i) })];
    if (pick(4) === 0) attributes.push(attribute('sampling.threshold', { stringValue: threshold(pick) }));
    if (pick(4) === 0) attributes.push(attribute('sampling.randomness', { stringValue: randomness(pick) }));
    if (pick(2) === 0) attributes.push(attribute('request.id', IDS[pick(IDS.length)]!(pick)));
    if (pick(3) === 0) attributes.push(attribute('priority', PRIORITIES[pick(PRIORITIES.length)]!));
    return {
      timeUnixNano: '1700000000000000000',
      body: { stringValue: `record ${i}` },
      attributes,
      ...(pick(2) === 0 ? {} : { traceId: traceId(pick) }),
    };
  });
  return { resourceLogs: [{ resource: {}, scopeLogs: [{ scope: { name: 'test' }, logRecords }] }] };
}

/** Whole numbers from 0 below `n`, the same series for the same seed. */
type Pick = (n: number) => number;
type Value = Readonly<Record<string, unknown>>;

const PRIORITIES: readonly Value[] = [
  { intValue: '0' },
  { intValue: '1' },
  { intValue: '-1' },
  { intValue: '50' },
  { intValue: '150' },
  { doubleValue: 0 },
  { doubleValue: 0.5 },
  { doubleValue: 99.9 },
  { doubleValue: 1e-20 },
  { doubleValue: -3 },
  { stringValue: '0' },
  { stringValue: '0.0' },
  { stringValue: '1' },
  { stringValue: '+Inf' },
  { stringValue: 'nan' },
  { stringValue: 'high' },
  { stringValue: '' },
  { boolValue: true },
];

const IDS: readonly ((pick: Pick) => Value)[] = [
  (pick) => ({ stringValue: `request-${pick(1_000_000)}` }),
  () => ({ stringValue: '' }),
  () => ({ stringValue: 'ünï' }),
  (pick) => ({ intValue: String(pick(1_000_000)) }),
  (pick) => ({ doubleValue: pick(1000) / 8 }),
  (pick) => ({ boolValue: pick(2) === 0 }),
  (pick) => ({ bytesValue: Buffer.from([pick(256), pick(256)]).toString('base64') }),
  (pick) => ({ arrayValue: { values: [{ intValue: String(pick(100)) }, { stringValue: 'a' }] } }),
];

const OTHERS = ['', 'vendor=1', ' vendor=1 , b@c=x y', 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'];
const BAD = ['=', 'A=1', 'ot=', 'ot=th', 'ot=th:;rv:', 'ot=a:b;', 'ot=th:xyz', 'ot=rv:12', 'x=\u00e9', 'ot= th:8'];

function traceState(pick: Pick): string {
  if (pick(8) === 0) return BAD[pick(BAD.length)]!;
  if (pick(40) === 0) return Array.from({ length: 30 + pick(4) }, (_, i) => `k${i}=v`).join(',');
  const entries = [
    ...(pick(3) === 0 ? [`rv:${randomness(pick)}`] : []),
    ...(pick(2) === 0 ? [`th:${threshold(pick)}`] : []),
    ...(pick(4) === 0 ? ['x:1'] : []),
  ];
  const members = [entries.length === 0 ? '' : `ot=${entries.join(';')}`, OTHERS[pick(OTHERS.length)]!];
  return (pick(2) === 0 ? members : members.toReversed()).filter(Boolean).join(',');
}

function threshold(pick: Pick): string {
  if (pick(12) === 0) return ['', 'g', '123456789abcdef', '-1', 'F0', 'c00'][pick(6)]!;
  return ['0', '8', 'c', 'fd70a4', 'ffffffffffffff', '00000000000001', '4'][pick(7)]!;
}

function randomness(pick: Pick): string {
  if (pick(12) === 0) return ['', '1', 'gggggggggggggg', 'FFFFFFFFFFFFFF'][pick(4)]!;
  return hex(pick, 7);
}

/** Now and then none. */
function traceId(pick: Pick): string {
  return pick(10) === 0 ? '' : hex(pick, 16);
}

function hex(pick: Pick, bytes: number): string {
  return Array.from({ length: bytes }, () => pick(256).toString(16).padStart(2, '0')).join('');
}

function attribute(key: string, value: Value): { readonly key: string; readonly value: Value } {
  return { key, value };
}

/** xorshift32. */
function randomOf(seed: number): Pick {
  let state = Math.imul(seed, 0x9e3779b9) | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}
