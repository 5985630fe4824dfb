import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } },
  badConfig: [
    {},
    { protocols: {} },
    { protocols: { grpc: { endpoint: 'localhost' } } },
    { protocols: { http: { metrics_url_path: 'v1/metrics' } } },
    { protocols: { grpc: { keepalive: { server_parameters: { time: 'soon' } } } } },
  ],
});
