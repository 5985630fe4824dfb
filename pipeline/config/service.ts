import { z } from 'zod';
import { duration, secret } from '../../sdk/config-types.ts';

const level = z.enum(['none', 'basic', 'normal', 'detailed']);
export type ServiceConfig = Record<string, unknown>;
void level;
void duration;
void secret;
