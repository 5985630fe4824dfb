import type { StructMember } from 'bpflow/sdk';

/** Whether a member is one number. */
export function isNumber({ kind, length }: StructMember): boolean {
  return length === undefined && (kind === 'uint' || kind === 'int' || kind === 'enum' || kind === 'bool');
}

/** The number at the member's place, or its element `index`, in an entry. The kernel's byte order is little-endian here. */
export function numberAt(
  entry: DataView,
  { offset, size, length = 1, kind }: StructMember,
  index: number,
): number | bigint {
  const bytes = size / length;
  const at = offset + index * bytes;
  const isSigned = kind === 'int';
  switch (bytes) {
    case 1:
      return isSigned ? entry.getInt8(at) : entry.getUint8(at);
    case 2:
      return isSigned ? entry.getInt16(at, true) : entry.getUint16(at, true);
    case 4:
      return isSigned ? entry.getInt32(at, true) : entry.getUint32(at, true);
    default:
      return isSigned ? entry.getBigInt64(at, true) : entry.getBigUint64(at, true);
  }
}
