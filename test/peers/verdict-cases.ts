/** One configuration by what makes it special; the Collector's verdict on it is asked, not written down. */
export type VerdictCase = readonly [name: string, yaml: string];

const otlp = 'receivers: { otlp: { protocols: { grpc: } } }';
const metrics = 'service: { pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }';
const debug = 'exporters: { debug: }';

const receiver = (body: string): string => `receivers: { otlp: ${body} }\n${debug}\n${metrics}`;
const exporter = (type: string, body: string): string =>
  `${otlp}\nexporters: { ${type}: ${body} }\nservice: { pipelines: { metrics: { receivers: [otlp], exporters: [${type}] } } }`;
const processor = (type: string, body: string, signal = 'metrics'): string =>
  `${otlp}\nprocessors: { ${type}: ${body} }\n${debug}\nservice: { pipelines: { ${signal}: { receivers: [otlp], processors: [${type}], exporters: [debug] } } }`;
const extension = (type: string, body: string): string =>
  `extensions: { ${type}: ${body} }\n${otlp}\n${debug}\n${metrics.replace('{ pipelines', `{ extensions: [${type}], pipelines`)}`;
const service = (body: string, rest = ''): string => `${otlp}\n${debug}\n${rest}\nservice: ${body}`;
const pipelines = (body: string, rest = ''): string => service(`{ pipelines: ${body} }`, rest);

const grpc = (keys: string): string => exporter('otlp_grpc', `{ endpoint: 'localhost:4317', ${keys} }`);
const http = (keys: string): string => exporter('otlp_http', `{ endpoint: 'http://localhost:4318', ${keys} }`);

export const verdictCases: readonly VerdictCase[] = [
  ['receiver: no protocol', receiver('')],
  ['receiver: empty protocols', receiver('{ protocols: }')],
  ['receiver: empty map of protocols', receiver('{ protocols: {} }')],
  ['receiver: unknown protocol', receiver('{ protocols: { udp: } }')],
  ['receiver: unknown key', receiver('{ protocols: { grpc: { endpointt: x } } }')],
  ['receiver: endpoint without port', receiver('{ protocols: { grpc: { endpoint: localhost } } }')],
  ['receiver: endpoint is a list', receiver('{ protocols: { grpc: { endpoint: [a] } } }')],
  ['receiver: negative message size', receiver('{ protocols: { grpc: { max_recv_msg_size_mib: -1 } } }')],
  ['receiver: message size is a text', receiver('{ protocols: { grpc: { max_recv_msg_size_mib: many } } }')],
  ['receiver: bad transport', receiver('{ protocols: { grpc: { transport: pigeon } } }')],
  ['receiver: udp', receiver("{ protocols: { grpc: { transport: udp, endpoint: 'localhost:1' } } }")],
  ['receiver: path without a slash', receiver('{ protocols: { http: { metrics_url_path: m } } }')],
  ['receiver: empty path', receiver("{ protocols: { http: { metrics_url_path: '' } } }")],
  ['receiver: bad duration', receiver('{ protocols: { http: { read_timeout: 5 parsecs } } }')],
  ['receiver: bare duration', receiver('{ protocols: { http: { read_timeout: 5 } } }')],
  ['receiver: tls without key', receiver('{ protocols: { grpc: { tls: { cert_file: /a.pem } } } }')],
  ['receiver: tls without certificate', receiver('{ protocols: { grpc: { tls: { client_ca_file: /a.pem } } } }')],
  [
    'receiver: tls of an unknown version',
    receiver("{ protocols: { grpc: { tls: { cert_file: a, key_file: b, min_version: '2.0' } } } }"),
  ],
  [
    'receiver: tls versions crossed',
    receiver("{ protocols: { grpc: { tls: { cert_file: a, key_file: b, min_version: '1.3', max_version: '1.2' } } } }"),
  ],
  ['receiver: tls unknown key', receiver('{ protocols: { grpc: { tls: { cert: a } } } }')],
  [
    'receiver: tls both file and pem',
    receiver('{ protocols: { grpc: { tls: { cert_file: a, cert_pem: b, key_file: c } } } }'),
  ],
  ['receiver: auth without a name', receiver('{ protocols: { grpc: { auth: {} } } }')],
  [
    'receiver: auth by an extension that is not there',
    receiver('{ protocols: { grpc: { auth: { authenticator: basicauth } } } }'),
  ],
  ['receiver: bad id of an authenticator', receiver("{ protocols: { grpc: { auth: { authenticator: 'a/' } } } }")],
  ['receiver: unknown compression', receiver('{ protocols: { http: { compression_algorithms: [brotli] } } }')],
  ['receiver: cors is a list', receiver('{ protocols: { http: { cors: [a] } } }')],
  ['receiver: nothing under tls', receiver('{ protocols: { grpc: { tls: } } }')],
  ['receiver: nothing under auth', receiver('{ protocols: { grpc: { auth: } } }')],
  ['receiver: nothing under keepalive', receiver('{ protocols: { grpc: { keepalive: } } }')],
  ['receiver: nothing under cors', receiver('{ protocols: { http: { cors: } } }')],
  ['receiver: keepalive unknown key', receiver('{ protocols: { grpc: { keepalive: { time: 1s } } } }')],

  ['otlp_grpc: no endpoint', exporter('otlp_grpc', '')],
  ['otlp: no endpoint, by its old name', exporter('otlp', '{}')],
  ['otlp_grpc: no port', exporter('otlp_grpc', '{ endpoint: localhost }')],
  ['otlp_grpc: port is no number', exporter('otlp_grpc', "{ endpoint: 'localhost:port' }")],
  ['otlp_grpc: dns without port', exporter('otlp_grpc', "{ endpoint: 'dns:///localhost' }")],
  ['otlp_grpc: scheme and port', exporter('otlp_grpc', "{ endpoint: 'https://localhost:4317' }")],
  ['otlp_grpc: unix socket', exporter('otlp_grpc', "{ endpoint: 'unix:///tmp/a.sock' }")],
  ['otlp_grpc: unknown key', grpc('endpointt: x')],
  ['otlp_grpc: unknown compression', grpc('compression: brotli')],
  ['otlp_grpc: empty compression', grpc("compression: ''")],
  ['otlp_grpc: zlib', grpc('compression: zlib')],
  ['otlp_grpc: deflate', grpc('compression: deflate')],
  ['otlp_grpc: snappy', grpc('compression: snappy')],
  ['otlp_grpc: lz4', grpc('compression: lz4')],
  ['otlp_grpc: unknown balancer', grpc('balancer_name: nobody')],
  ['otlp_grpc: pick_first', grpc('balancer_name: pick_first')],
  ['otlp_grpc: negative timeout', grpc('timeout: -1s')],
  ['otlp_grpc: zero timeout', grpc('timeout: 0')],
  ['otlp_grpc: bad duration', grpc('timeout: x')],
  ['otlp_grpc: headers is a number', grpc('headers: 1')],
  ['otlp_grpc: header is a number', grpc('headers: { x-num: 1 }')],
  ['otlp_grpc: headers as a list', grpc('headers: [{ name: a, value: b }]')],
  ['otlp_grpc: insecure is a text', grpc("tls: { insecure: 'yes' }")],
  ['otlp_grpc: certificate without key', grpc('tls: { cert_file: a }')],
  ['otlp_grpc: unknown tls key', grpc('tls: { insecur: true }')],
  ['otlp_grpc: tls version unknown', grpc("tls: { min_version: '1.9' }")],
  ['otlp_grpc: keepalive of a second', grpc('keepalive: { time: 1s }')],
  ['otlp_grpc: queue of size 0', grpc('sending_queue: { queue_size: 0 }')],
  ['otlp_grpc: queue without consumers', grpc('sending_queue: { num_consumers: 0 }')],
  ['otlp_grpc: queue switched off is not checked', grpc('sending_queue: { enabled: false, queue_size: 0 }')],
  ['otlp_grpc: unknown sizer', grpc('sending_queue: { sizer: litres }')],
  ['otlp_grpc: queue switched off with unknown keys', grpc('sending_queue: { enabled: false, size: 3 }')],
  ['otlp_grpc: queue switched off with a text', grpc('sending_queue: { enabled: false, queue_size: many }')],
  ['otlp_grpc: nothing under queue, batch and retry', grpc('sending_queue: { batch: }, retry_on_failure: ')],
  ['otlp_grpc: nothing under tls and keepalive', grpc('tls: , keepalive: ')],
  ['otlp_grpc: nothing under auth', grpc('auth: ')],
  ['otlp_grpc: unknown queue key', grpc('sending_queue: { size: 3 }')],
  ['otlp_grpc: batch crossed', grpc('sending_queue: { batch: { min_size: 500, max_size: 100 } }')],
  [
    'otlp_grpc: batch larger than the queue',
    grpc('sending_queue: { sizer: items, queue_size: 10, batch: { min_size: 500 } }'),
  ],
  [
    'otlp_grpc: batch of another sizer',
    grpc('sending_queue: { batch: { sizer: bytes, min_size: 500, max_size: 1000 } }'),
  ],
  ['otlp_grpc: empty batch', grpc('sending_queue: { batch: {} }')],
  ['otlp_grpc: batch without time', grpc('sending_queue: { batch: { flush_timeout: 0 } }')],
  ['otlp_grpc: batch of negative size', grpc('sending_queue: { batch: { min_size: -1 } }')],
  [
    'otlp_grpc: waits for the result of a stored queue',
    grpc('sending_queue: { wait_for_result: true, storage: file_storage }'),
  ],
  ['otlp_grpc: storage that is not there', grpc('sending_queue: { storage: file_storage }')],
  ['otlp_grpc: storage with a bad id', grpc("sending_queue: { storage: 'a/' }")],
  ['otlp_grpc: negative interval', grpc('retry_on_failure: { initial_interval: -1s }')],
  ['otlp_grpc: randomization above 1', grpc('retry_on_failure: { randomization_factor: 1.5 }')],
  ['otlp_grpc: negative multiplier', grpc('retry_on_failure: { multiplier: -1 }')],
  ['otlp_grpc: elapsed below interval', grpc('retry_on_failure: { max_elapsed_time: 1s, max_interval: 10s }')],
  [
    'otlp_grpc: elapsed below initial',
    grpc('retry_on_failure: { max_elapsed_time: 1s, initial_interval: 10s, max_interval: 500ms }'),
  ],
  ['otlp_grpc: elapsed 0', grpc('retry_on_failure: { max_elapsed_time: 0 }')],
  ['otlp_grpc: retry switched off is not checked', grpc('retry_on_failure: { enabled: false, initial_interval: -1s }')],
  ['otlp_grpc: unknown retry key', grpc('retry_on_failure: { max: 1 }')],

  ['otlp_http: no endpoint', exporter('otlp_http', '')],
  ['otlp_http: only for metrics', exporter('otlp_http', "{ metrics_endpoint: 'http://localhost:1/m' }")],
  [
    'otlp_http: only for logs, in a pipeline of metrics',
    exporter('otlp_http', "{ logs_endpoint: 'http://localhost:1/m' }"),
  ],
  ['otlp_http: no scheme', exporter('otlp_http', "{ endpoint: 'localhost:4318' }")],
  ['otlp_http: no address at all', exporter('otlp_http', "{ endpoint: 'http://' }")],
  ['otlp_http: broken escape', exporter('otlp_http', "{ endpoint: 'http://localhost:4318/%zz' }")],
  ['otlphttp: by its old name', exporter('otlphttp', "{ endpoint: 'http://localhost:4318' }")],
  ['otlp_http: unknown encoding', http('encoding: xml')],
  ['otlp_http: unknown compression', http('compression: brotli')],
  ['otlp_http: lz4', http('compression: lz4')],
  ['otlp_http: zlib', http('compression: zlib')],
  ['otlp_http: snappy with a level', http('compression: snappy, compression_params: { level: 3 }')],
  ['otlp_http: gzip level 9', http('compression: gzip, compression_params: { level: 9 }')],
  ['otlp_http: gzip level 12', http('compression: gzip, compression_params: { level: 12 }')],
  ['otlp_http: zstd level 3', http('compression: zstd, compression_params: { level: 3 }')],
  ['otlp_http: level without a kind', http('compression: none, compression_params: { level: 3 }')],
  ['otlp_http: unknown key', http('balancer_name: round_robin')],
  ['otlp_http: bad proxy', http("proxy_url: ':'")],
  ['otlp_http: negative connections', http('max_conns_per_host: -1')],
  ['otlp_http: negative idle connections', http('max_idle_conns: -1, max_idle_conns_per_host: -1')],
  ['otlp_http: nothing under tls and queue', http('tls: , sending_queue: , compression_params: ')],
  ['otlp_http: snappy', http('compression: snappy')],
  ['otlp_http: framed snappy', http('compression: x-snappy-framed')],
  ['otlp_http: deflate', http('compression: deflate')],
  ['otlp_http: connections as a text', http("max_idle_conns: 'x'")],
  ['otlp_http: queue of size 0', http('sending_queue: { queue_size: 0 }')],

  ['file: no path', exporter('file', '')],
  ['file: empty path', exporter('file', "{ path: '' }")],
  ['file: unknown format', exporter('file', '{ path: a, format: xml }')],
  ['file: unknown compression', exporter('file', '{ path: a, compression: gzip }')],
  ['file: append and rotation', exporter('file', '{ path: a, append: true, rotation: }')],
  [
    'file: append and rotation with keys',
    exporter('file', '{ path: a, append: true, rotation: { max_megabytes: 1 } }'),
  ],
  ['file: append and compression', exporter('file', '{ path: a, append: true, compression: zstd }')],
  ['file: no time to flush', exporter('file', '{ path: a, flush_interval: 0 }')],
  ['file: negative time to flush', exporter('file', '{ path: a, flush_interval: -1s }')],
  ['file: permissions without a folder', exporter('file', "{ path: a, directory_permissions: '0700' }")],
  [
    'file: permissions that are none',
    exporter('file', "{ path: a, create_directory: true, directory_permissions: 'rwx' }"),
  ],
  [
    'file: permissions as a number',
    exporter('file', '{ path: a, create_directory: true, directory_permissions: 493 }'),
  ],
  ['file: groups without a star', exporter('file', '{ path: a, group_by: { enabled: true } }')],
  ['file: groups with two stars', exporter('file', '{ path: /a/*/*, group_by: { enabled: true } }')],
  ['file: group in the first place', exporter('file', "{ path: '*/a', group_by: { enabled: true } }")],
  [
    'file: groups without an attribute',
    exporter('file', "{ path: '/a/*', group_by: { enabled: true, resource_attribute: '' } }"),
  ],
  ['file: groups and rotation', exporter('file', "{ path: '/a/*', rotation: {}, group_by: { enabled: true } }")],
  ['file: unknown key', exporter('file', '{ path: a, file: b }')],
  ['file: unknown encoding', exporter('file', '{ path: a, encoding: nobody }')],

  ['debug: unknown verbosity', exporter('debug', '{ verbosity: loud }')],
  ['debug: none', exporter('debug', '{ verbosity: none }')],
  ['debug: capitals', exporter('debug', '{ verbosity: Detailed }')],
  ['debug: unknown key', exporter('debug', '{ loglevel: debug }')],
  ['debug: negative sampling', exporter('debug', '{ sampling_initial: -1 }')],
  ['prometheus: no endpoint', exporter('prometheus', '')],
  ['prometheus: bad strategy', exporter('prometheus', "{ endpoint: 'localhost:1', translation_strategy: x }")],
  ['prometheus: bad duration', exporter('prometheus', "{ endpoint: 'localhost:1', metric_expiration: x }")],
  [
    'prometheus: for traces',
    `${otlp}\nexporters: { prometheus: { endpoint: 'localhost:1' } }\nservice: { pipelines: { traces: { receivers: [otlp], exporters: [prometheus] } } }`,
  ],

  ['batch: unknown keys', processor('batch', '{ zzz: 1, aaa: 2 }')],
  ['batch: max below size', processor('batch', '{ send_batch_size: 100, send_batch_max_size: 10 }')],
  ['batch: size as a quoted number', processor('batch', "{ send_batch_size: '100' }")],
  ['batch: negative size', processor('batch', '{ send_batch_size: -5 }')],
  ['batch: fraction', processor('batch', '{ send_batch_size: 10.5 }')],
  ['batch: bare timeout', processor('batch', '{ timeout: 5 }')],
  ['batch: negative timeout', processor('batch', '{ timeout: -1s }')],
  ['batch: a metadata key twice', processor('batch', '{ metadata_keys: [a, A] }')],
  ['memory_limiter: nothing', processor('memory_limiter', '')],
  ['memory_limiter: no limit', processor('memory_limiter', '{ check_interval: 1s }')],
  ['memory_limiter: no interval', processor('memory_limiter', '{ limit_mib: 10 }')],
  [
    'memory_limiter: spike above limit',
    processor('memory_limiter', '{ check_interval: 1s, limit_mib: 10, spike_limit_mib: 10 }'),
  ],
  ['memory_limiter: share above 100', processor('memory_limiter', '{ check_interval: 1s, limit_percentage: 101 }')],
  [
    'memory_limiter: spike share above limit',
    processor('memory_limiter', '{ check_interval: 1s, limit_percentage: 10, spike_limit_percentage: 20 }'),
  ],
  [
    'memory_limiter: intervals of collection crossed',
    processor(
      'memory_limiter',
      '{ check_interval: 1s, limit_mib: 10, min_gc_interval_when_soft_limited: 1s, min_gc_interval_when_hard_limited: 2s }',
    ),
  ],
  ['attributes: no action', processor('attributes', '')],
  ['attributes: no key', processor('attributes', '{ actions: [{ value: 1, action: insert }] }')],
  ['attributes: unknown action', processor('attributes', '{ actions: [{ key: a, action: explode }] }')],
  ['attributes: action in capitals', processor('attributes', '{ actions: [{ key: a, value: 1, action: INSERT }] }')],
  ['attributes: insert of nothing', processor('attributes', '{ actions: [{ key: a, action: insert }] }')],
  [
    'attributes: two sources',
    processor('attributes', '{ actions: [{ key: a, value: 1, from_attribute: b, action: insert }] }'),
  ],
  ['attributes: extract without pattern', processor('attributes', '{ actions: [{ key: a, action: extract }] }')],
  [
    'attributes: extract without a named group',
    processor('attributes', "{ actions: [{ key: a, pattern: '(.*)', action: extract }] }"),
  ],
  ['attributes: bad pattern', processor('attributes', "{ actions: [{ key: a, pattern: '(', action: extract }] }")],
  [
    'attributes: pattern with a value',
    processor('attributes', "{ actions: [{ key: a, pattern: '(?P<x>.)', value: 1, action: extract }] }"),
  ],
  ['attributes: value of a delete', processor('attributes', '{ actions: [{ key: a, value: 1, action: delete }] }')],
  ['attributes: value of a hash', processor('attributes', '{ actions: [{ key: a, value: 1, action: hash }] }')],
  ['attributes: convert to nothing', processor('attributes', '{ actions: [{ key: a, action: convert }] }')],
  [
    'attributes: convert to the unknown',
    processor('attributes', '{ actions: [{ key: a, action: convert, converted_type: blob }] }'),
  ],
  [
    'attributes: bad match',
    processor(
      'attributes',
      '{ include: { match_type: fuzzy, metric_names: [a] }, actions: [{ key: a, action: delete }] }',
    ),
  ],
  [
    'attributes: match without a type',
    processor('attributes', '{ include: { metric_names: [a] }, actions: [{ key: a, action: delete }] }'),
  ],
  [
    'attributes: empty match',
    processor('attributes', '{ include: { match_type: strict }, actions: [{ key: a, action: delete }] }', 'traces'),
  ],
  [
    'attributes: spans matched by log bodies',
    processor(
      'attributes',
      '{ include: { match_type: strict, log_bodies: [a] }, actions: [{ key: a, action: delete }] }',
      'traces',
    ),
  ],
  ...[
    'span_names: [a]',
    'span_kinds: [SPAN_KIND_SERVER]',
    'metric_names: [a]',
    'resources: [{ key: a, value: b }]',
  ].flatMap((property) =>
    ['metrics', 'logs', 'traces'].map(
      (signal): VerdictCase => [
        `attributes: ${signal} matched by ${property}`,
        processor(
          'attributes',
          `{ include: { match_type: strict, ${property} }, actions: [{ key: a, action: delete }] }`,
          signal,
        ),
      ],
    ),
  ),
  [
    'attributes: unknown kind of spans',
    processor(
      'attributes',
      '{ include: { match_type: strict, span_kinds: [Server] }, actions: [{ key: a, action: delete }] }',
      'traces',
    ),
  ],
  ['resource: nothing', processor('resource', '')],
  ['resource: unknown action', processor('resource', '{ attributes: [{ key: a, action: x }] }')],
  ['resource: by the other key', processor('resource', '{ actions: [{ key: a, action: delete }] }')],
  ['probabilistic_sampler: nothing', processor('probabilistic_sampler', '', 'traces')],
  [
    'probabilistic_sampler: negative share',
    processor('probabilistic_sampler', '{ sampling_percentage: -1 }', 'traces'),
  ],
  [
    'probabilistic_sampler: a share too small',
    processor('probabilistic_sampler', '{ sampling_percentage: 1e-20 }', 'traces'),
  ],
  [
    'probabilistic_sampler: infinite share',
    processor('probabilistic_sampler', '{ sampling_percentage: .inf }', 'traces'),
  ],
  [
    'probabilistic_sampler: more than all',
    processor('probabilistic_sampler', '{ sampling_percentage: 200 }', 'traces'),
  ],
  [
    'probabilistic_sampler: share in quotes',
    processor('probabilistic_sampler', "{ sampling_percentage: '15' }", 'traces'),
  ],
  [
    'probabilistic_sampler: share of words',
    processor('probabilistic_sampler', '{ sampling_percentage: many }', 'traces'),
  ],
  ['probabilistic_sampler: no precision', processor('probabilistic_sampler', '{ sampling_precision: 0 }', 'traces')],
  [
    'probabilistic_sampler: too much precision',
    processor('probabilistic_sampler', '{ sampling_precision: 15 }', 'traces'),
  ],
  ['probabilistic_sampler: unknown mode', processor('probabilistic_sampler', '{ mode: random }', 'traces')],
  ['probabilistic_sampler: empty mode', processor('probabilistic_sampler', "{ mode: '' }", 'traces')],
  ['probabilistic_sampler: negative seed', processor('probabilistic_sampler', '{ hash_seed: -1 }', 'traces')],
  [
    'probabilistic_sampler: unknown source',
    processor('probabilistic_sampler', '{ attribute_source: traceid }', 'logs'),
  ],
  ['probabilistic_sampler: empty source', processor('probabilistic_sampler', "{ attribute_source: '' }", 'logs')],
  ['probabilistic_sampler: unknown key', processor('probabilistic_sampler', '{ sampling_percent: 1 }', 'logs')],
  ['probabilistic_sampler: of metrics', processor('probabilistic_sampler', '{ sampling_percentage: 1 }', 'metrics')],
  ['filter: nothing', processor('filter', '')],
  ['filter: unknown signal', processor('filter', '{ metricz: {} }')],
  ['filter: bad pattern', processor('filter', "{ metrics: { include: { match_type: regexp, metric_names: ['('] } } }")],
  ['filter: bad match', processor('filter', '{ metrics: { include: { match_type: x, metric_names: [a] } } }')],
  [
    'filter: unknown level',
    processor('filter', '{ logs: { include: { match_type: strict, severity_number: { min: LOUD } } } }', 'logs'),
  ],
  ['filter: logs without a property', processor('filter', '{ logs: { include: { match_type: strict } } }', 'logs')],
  [
    'filter: bad error mode',
    processor('filter', '{ error_mode: loud, metrics: { include: { match_type: strict, metric_names: [a] } } }'),
  ],

  ['health_check: unknown key', extension('health_check', '{ port: 13133 }')],
  ['health_check: path without a slash', extension('health_check', '{ path: health }')],
  ['health_check: empty endpoint', extension('health_check', "{ endpoint: '' }")],
  ['zpages: empty endpoint', extension('zpages', "{ endpoint: '' }")],
  ['zpages: unknown key', extension('zpages', '{ port: 1 }')],
  ['file_storage: folder that is not there', extension('file_storage', '{ directory: /no/such/folder }')],
  [
    'file_storage: bad permissions',
    extension('file_storage', '{ directory: /tmp, create_directory: true, directory_permissions: x }'),
  ],
  [
    'file_storage: negative transaction',
    extension('file_storage', '{ directory: /tmp, compaction: { max_transaction_size: -1 } }'),
  ],
  ['file_storage: unknown key', extension('file_storage', '{ directory: /tmp, folder: /tmp }')],
  ['basicauth: nothing', extension('basicauth', '')],
  [
    'basicauth: both sides',
    extension('basicauth', "{ htpasswd: { inline: 'a:b' }, client_auth: { username: a, password: b } }"),
  ],
  ['basicauth: client without a name', extension('basicauth', '{ client_auth: { password: b } }')],
  ['basicauth: client without a password', extension('basicauth', '{ client_auth: { username: b } }')],
  ['basicauth: client with nothing', extension('basicauth', '{ client_auth: {} }')],
  ['bearertokenauth: nothing', extension('bearertokenauth', '')],
  ['bearertokenauth: token', extension('bearertokenauth', '{ token: a }')],
  ['bearertokenauth: two tokens', extension('bearertokenauth', '{ tokens: [a, b] }')],
  ['bearertokenauth: token and tokens', extension('bearertokenauth', '{ token: a, tokens: [b] }')],

  ['unknown type', pipelines('{ metrics: { receivers: [otlp], exporters: [debug] } }', 'processors: { nosuch: }')],
  ['unknown root key', pipelines('{ metrics: { receivers: [otlp], exporters: [debug] } }', 'pipelines: {}')],
  [
    'unknown service key',
    service('{ pipeline: {}, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }'),
  ],
  ['unknown pipeline key', pipelines('{ metrics: { receivers: [otlp], exporter: [debug], exporters: [debug] } }')],
  ['name after a slash is empty', pipelines("{ metrics: { receivers: ['otlp/'], exporters: [debug] } }")],
  ['empty id', pipelines("{ metrics: { receivers: [''], exporters: [debug] } }")],
  ['id with a blank', pipelines('{ metrics: { receivers: [otlp], exporters: [de bug] } }')],
  ['unknown signal', pipelines('{ metricz: { receivers: [otlp], exporters: [debug] } }')],
  ['pipeline without a name', pipelines("{ 'metrics/': { receivers: [otlp], exporters: [debug] } }")],
  ['undefined receiver', pipelines('{ metrics: { receivers: [otlp/missing], exporters: [debug] } }')],
  ['undefined processor', pipelines('{ metrics: { receivers: [otlp], processors: [batch], exporters: [debug] } }')],
  ['undefined exporter', pipelines('{ metrics: { receivers: [otlp], exporters: [otlp] } }')],
  [
    'undefined extension',
    service('{ extensions: [zpages], pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }'),
  ],
  ['no receiver', pipelines('{ metrics: { exporters: [debug] } }')],
  ['no exporter', pipelines('{ metrics: { receivers: [otlp] } }')],
  ['no pipeline', pipelines('{}')],
  ['no service', `${otlp}\n${debug}`],
  [
    'processor twice',
    pipelines(
      '{ metrics: { receivers: [otlp], processors: [batch, batch], exporters: [debug] } }',
      'processors: { batch: }',
    ),
  ],
  ['receiver and exporter twice', pipelines('{ metrics: { receivers: [otlp, otlp], exporters: [debug, debug] } }')],
  ['receivers is a list', `receivers: [otlp]\n${debug}\n${metrics}`],
  [
    'unused and bad',
    pipelines('{ metrics: { receivers: [otlp], exporters: [debug] } }', 'processors: { batch: { aaa: 1 } }'),
  ],
  ['unused and good', pipelines('{ metrics: { receivers: [otlp], exporters: [debug] } }', 'processors: { batch: }')],
  [
    'forward: only as exporter',
    pipelines('{ metrics: { receivers: [otlp], exporters: [forward] } }', 'connectors: { forward: }'),
  ],
  [
    'forward: only as receiver',
    pipelines('{ metrics: { receivers: [forward], exporters: [debug] } }', 'connectors: { forward: }'),
  ],
  [
    'forward: to another signal',
    pipelines(
      '{ metrics: { receivers: [otlp], exporters: [forward] }, logs: { receivers: [forward], exporters: [debug] } }',
      'connectors: { forward: }',
    ),
  ],
  [
    'forward: a cycle',
    pipelines(
      '{ metrics/a: { receivers: [otlp, forward/2], exporters: [forward] }, metrics/b: { receivers: [forward], exporters: [forward/2] } }',
      'connectors: { forward: , forward/2: }',
    ),
  ],
  [
    'forward: unknown key',
    pipelines(
      '{ metrics/a: { receivers: [otlp], exporters: [forward] }, metrics/b: { receivers: [forward], exporters: [debug] } }',
      'connectors: { forward: { a: 1 } }',
    ),
  ],
  [
    'telemetry: unknown level of logs',
    service(
      '{ telemetry: { logs: { level: loud } }, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }',
    ),
  ],
  [
    'telemetry: unknown level of metrics',
    service(
      '{ telemetry: { metrics: { level: loud } }, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }',
    ),
  ],
  [
    'telemetry: no traces',
    service(
      '{ telemetry: { traces: { level: none, propagators: [tracecontext] } }, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }',
    ),
  ],
  [
    'telemetry: nothing at all',
    service(
      '{ telemetry: { traces: , logs: , metrics: , resource: }, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }',
    ),
  ],
  [
    'telemetry: logs to standard output',
    service(
      '{ telemetry: { logs: { output_paths: [stdout, stderr], error_output_paths: [stderr] } }, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }',
    ),
  ],
  [
    'telemetry: unknown key',
    service('{ telemetry: { metric: {} }, pipelines: { metrics: { receivers: [otlp], exporters: [debug] } } }'),
  ],
];

/** What the Collector runs with and bpflow refuses, because running with it does harm that nobody sees. By case, with the reason. */
export const strictHere: ReadonlyMap<string, string> = new Map([
  ['receiver: unknown compression', 'a misspelt name; requests that are compressed so would fail one by one'],
  ['receiver: nothing under tls', 'it would listen without TLS'],
  ['receiver: nothing under auth', 'it would let everybody in'],
  ['otlp_grpc: nothing under auth', 'it would send without credentials'],
  ['basicauth: client with nothing', 'it would present an empty name and password'],
  ['otlp_http: no scheme', 'no request could ever be sent'],
  ['otlp_http: no address at all', 'no request could ever be sent'],
  ['otlp_http: lz4', 'not supported; snappy or zstd do its job'],
]);

/** What the Collector refuses and bpflow runs with. By case, with the reason. */
export const lenientHere: ReadonlyMap<string, string> = new Map([
  [
    'prometheus: no endpoint',
    'the page has a default address, 127.0.0.1:9464, at which OpenTelemetry SDKs serve theirs',
  ],
]);
