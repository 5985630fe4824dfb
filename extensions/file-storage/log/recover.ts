import { open } from 'node:fs/promises';
import { LiveIndex } from './live-index.ts';
import { scanSegment } from './scan.ts';
import { Segment } from './segment.ts';

export interface Damage {
  readonly file: string;
  /** Records that are lost; where a header is lost too, the least there can have been. */
  readonly records: number;
  readonly bytes: number;
  /** Whether it is the end of the file, as a crash of the machine leaves it. */
  readonly torn: boolean;
}

export interface Recovered {
  readonly index: LiveIndex;
  /** Number of the next record. */
  readonly nextSequence: number;
}

/**
 * Reads the segments of a folder. In the newest one, which a crash may have left in any state, every value is checked;
 * in the others a value is checked when it is read. A damaged record counts as not there, but keys that only it knows
 * stay known, so that their owner learns of the loss. A torn end of the newest segment is cut.
 */
export async function recover(folder: string, damaged: (damage: Damage) => void): Promise<Recovered> {
  const index = new LiveIndex(await Segment.list(folder));
  const { segments } = index;
  let nextSequence = 1;
  for (const [place, segment] of segments.entries()) {
    const next = segments[place + 1];
    const handle = await open(segment.path, next === undefined ? 'r+' : 'r');
    let records = 0;
    let bytes = 0;
    let torn = false;
    nextSequence = segment.first;
    try {
      const scan = scanSegment(handle, { salt: segment.salt, first: segment.first, values: next === undefined });
      for await (const found of scan) {
        if (found.kind === 'record') nextSequence = found.sequence + 1;
        else if (found.kind === 'damage') nextSequence += found.records;
        if (found.kind === 'record' && found.intact) {
          index.apply(segment, found.table, found.valuesAt);
        } else {
          bytes += found.bytes;
          torn = found.kind === 'torn';
          if (!torn) records += found.kind === 'damage' ? found.records : 1;
          if (found.kind === 'record') index.applyDamaged(found.table);
        }
        if (torn && next === undefined) await handle.truncate(found.at);
        else segment.size = found.at + found.bytes;
      }
    } finally {
      await handle.close();
    }
    // Files are contiguous: the next one tells how many records this one had.
    const missing = next === undefined ? 0 : Math.max(0, next.first - nextSequence);
    const lost = records + Math.max(missing, torn ? 1 : 0);
    if (torn) nextSequence++;
    if (lost > 0) damaged({ file: segment.path, records: lost, bytes, torn });
  }
  return { index, nextSequence };
}
