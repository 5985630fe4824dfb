import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { htpasswd: { inline: 'user:password' } },
  badConfig: [{}, { htpasswd: {} }, { client_auth: {} }, { htpasswd: { inline: 'a:b' }, client_auth: {} }],
});
