import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  // Nobody listens there: everything is tried once and given up at the stop.
  config: { endpoint: 'http://127.0.0.1:9' },
  badConfig: [
    {},
    { endpoint: '' },
    { endpoint: 'localhost:4318' },
    { endpoint: 'ftp://localhost' },
    { endpoint: 'http://a', encoding: 'xml' },
    { endpoint: 'http://a', compression: 'snappy', compression_params: { level: 3 } },
    { endpoint: 'http://a', compression: 'gzip', compression_params: { level: 12 } },
    { endpoint: 'http://a', proxy_url: 'socks5://p' },
    { endpoint: 'http://a', cookies: { enabled: true } },
    { endpoint: 'http://a', sending_queue: { num_consumers: 0 } },
    { endpoint: 'http://a', tls: { key_file: 'only.pem' } },
  ],
});
