import { createHash } from 'node:crypto';
import {
  type ColumnSignal,
  compileActions,
  editAttributeColumns,
  editAttributes,
  hasColumns,
  mapMetrics,
  matchItems,
  type Outlets,
  type Scope,
  type SeriesVerdict,
  SIGNALS,
  StartError,
  seriesMapper,
  strangeProperty,
  type TransformProcessor,
} from 'bpflow/sdk';
import type { AttributesConfig } from './config.ts';

type Edit = ReturnType<typeof compileActions>;
type Mapper = ReturnType<typeof seriesMapper>;

/** Edits attributes: of series once each, of records and spans row by row in the columns that the actions touch. */
export function createAttributesProcessor(config: AttributesConfig, _scope: Scope, next: Outlets): TransformProcessor {
  for (const signal of SIGNALS.filter(hasColumns)) if (next[signal] !== undefined) checkMatches(config, signal);
  const edit = compileActions(config.actions, (bytes) => createHash('sha256').update(bytes).digest('hex'));
  const match = matchItems(config.include, config.exclude);
  const mapperOf = mappers(edit);
  return {
    transform: {
      metrics: (batch) =>
        mapMetrics(batch, (metric) => {
          const verdict = match === undefined ? ALL : match.series(metric);
          return verdict === undefined ? metric : mapperOf(verdict)(metric);
        }),
      logs: (batch) => {
        const attributes = editAttributeColumns(batch.attributes, batch.length, (editor, row) => {
          if (match === undefined || match.log(batch, row)) edit(editor);
        });
        return attributes === batch.attributes ? batch : { ...batch, attributes };
      },
      traces: (batch) => {
        const attributes = editAttributeColumns(batch.attributes, batch.length, (editor, row) => {
          if (match === undefined || match.span(batch, row)) edit(editor);
        });
        return attributes === batch.attributes ? batch : { ...batch, attributes };
      },
    },
  };
}

/** Throws StartError for a property that would never be looked at. */
function checkMatches({ include, exclude }: AttributesConfig, signal: ColumnSignal): void {
  for (const [side, match] of Object.entries({ include, exclude })) {
    const key = match && strangeProperty(match, signal);
    if (key !== undefined) throw new StartError(`${side}.${key} should not be specified in a pipeline of ${signal}.`);
  }
}

const ALL: SeriesVerdict = () => true;

/** One mapper for each verdict, made when it is first needed. */
function mappers(edit: Edit): (verdict: SeriesVerdict) => Mapper {
  const known = new Map<SeriesVerdict, Mapper>();
  return (verdict) => {
    let mapper = known.get(verdict);
    if (mapper === undefined) {
      mapper = seriesMapper((attributes, resource, scope) =>
        verdict(attributes, resource, scope) ? editAttributes(attributes, edit) : attributes,
      );
      known.set(verdict, mapper);
    }
    return mapper;
  };
}
