import type { ViewAddress } from '../../sdk/agent.ts';
import { SERVICE_MAP_VIEW, type ServiceMapView } from '../../sdk/service-map.ts';
import { askAgent } from '../admin/client.ts';
import { adminErrors } from '../errors.ts';
import type { Arguments } from './arguments.ts';
import { mapDot } from './map/dot.ts';
import { mapMermaid } from './map/mermaid.ts';
import { mapReport, type ServiceMapReport } from './map/report.ts';
import { mapText } from './map/text.ts';

/** Prints who talks to whom, from all the views of this name that a running agent has. */
export async function map({ admin, format }: Pick<Arguments, 'admin' | 'format'>): Promise<number> {
  const { views } = (await askAgent(admin, '/v1/views')) as { readonly views: readonly ViewAddress[] };
  const maps: Record<string, ServiceMapView> = {};
  for (const { kind, id, name, pipeline } of views) {
    if (name !== SERVICE_MAP_VIEW) continue;
    const query = pipeline === undefined ? '' : `?pipeline=${encodeURIComponent(pipeline)}`;
    const path = `/v1/views/${kind}/${id}/${name}${query}`;
    maps[`${kind} ${id}`] = (await askAgent(admin, path)) as ServiceMapView;
  }
  if (Object.keys(maps).length === 0) throw adminErrors.noMap();
  process.stdout.write(written(mapReport(maps), format));
  return 0;
}

function written(report: ServiceMapReport, format: Arguments['format']): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case 'dot':
      return mapDot(report);
    case 'mermaid':
      return mapMermaid(report);
    default:
      return mapText(report);
  }
}
