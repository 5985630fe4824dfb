import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  // Nobody listens there: everything is tried once and given up at the stop.
  config: { endpoint: '127.0.0.1:9', tls: { insecure: true } },
  badConfig: [
    {},
    { endpoint: '' },
    { endpoint: 'localhost' },
    { endpoint: 'localhost:http' },
    { endpoint: 'a:1', compression: 'lz4' },
    { endpoint: 'a:1', compression: 'brotli' },
    { endpoint: 'a:1', balancer_name: 'some' },
    { endpoint: 'a:1', headers: { 'x-num': 1 } },
    { endpoint: 'a:1', headers: 5 },
    { endpoint: 'a:1', sending_queue: { queue_size: 0 } },
    { endpoint: 'a:1', retry_on_failure: { randomization_factor: 7 } },
    { endpoint: 'a:1', timeout: '5 parsecs' },
    { endpoint: 'a:1', tls: { cert_file: 'only.pem' } },
    { endpoint: 'a:1', auth: {} },
  ],
});
