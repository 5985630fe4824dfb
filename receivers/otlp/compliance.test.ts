import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } },
  badConfig: [
    {},
    { protocols: {} },
    { protocols: { grpc: { endpoint: 'localhost' } } },
    { protocols: { grpc: { auth: { authenticator: 'basicauth/' } } } },
    { protocols: { grpc: { keepalive: { server_parameters: { time: 'soon' } } } } },
  ],
});
