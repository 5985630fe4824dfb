import { readFileSync } from 'node:fs';
import type { StructLayout, StructMember } from '../sdk/bpf.ts';

/** Types of an object file, read from its `.BTF` section (Documentation/bpf/btf.rst). */
export interface Btf {
  /** Layout of a struct, as `BpfObject.layout` gives it. */
  layout(struct: string): StructLayout;
}

interface Type {
  readonly name: string;
  readonly kind: number;
  readonly count: number;
  /** Size in bytes, or id of another type. */
  readonly sizeOrType: number;
  readonly flag: boolean;
  /** Offset of what follows the common part. */
  readonly at: number;
}

const INT = 1;
const POINTER = 2;
const ARRAY = 3;
const STRUCT = 4;
const UNION = 5;
const ENUM = 6;
const TYPEDEF = 8;
const MODIFIERS = new Set([9, 10, 11, 18]);

export function readBtf(path: string): Btf {
  const data = section(readFileSync(path), '.BTF', path);
  const types = parse(data);
  return {
    layout: (name) => {
      const type = types.find((each) => each.name === name && each.kind === STRUCT);
      if (type === undefined) throw new Error(`${path}: no struct ${name}.`);
      const members: StructMember[] = [];
      for (let i = 0; i < type.count; i++) members.push(member(data, types, type, i));
      return { name, size: type.sizeOrType, members };
    },
  };
}

function member(data: DataView, types: readonly Type[], parent: Type, index: number): StructMember {
  const at = parent.at + index * 12;
  const bits = data.getUint32(at + 8, true);
  const offset = (parent.flag ? bits & 0xffffff : bits) / 8;
  let id = data.getUint32(at + 4, true);
  let typeName = '';
  let length = 1;
  let isArray = false;
  for (;;) {
    const type = types[id]!;
    if (type.kind === TYPEDEF || MODIFIERS.has(type.kind)) {
      if (type.kind === TYPEDEF && typeName === '' && !isArrayTypedef(types, type)) typeName = type.name;
      id = type.sizeOrType;
    } else if (type.kind === ARRAY) {
      isArray = true;
      length *= data.getUint32(type.at + 8, true);
      id = data.getUint32(type.at, true);
    } else {
      break;
    }
  }
  const base = types[id]!;
  const size = (base.kind === POINTER ? 8 : base.sizeOrType) * length;
  const kind = kindOf(data, base);
  const prefix = base.kind === STRUCT ? 'struct ' : base.kind === UNION ? 'union ' : base.kind === ENUM ? 'enum ' : '';
  const type = typeName === '' ? prefix + base.name : typeName;
  const plain = { name: string(data, data.getUint32(at, true)), offset, size, type, kind };
  return isArray ? { ...plain, length } : plain;
}

/** For arrays the element's typedef counts, not the array's own. */
function isArrayTypedef(types: readonly Type[], typedef: Type): boolean {
  let type = types[typedef.sizeOrType]!;
  while (type.kind === TYPEDEF || MODIFIERS.has(type.kind)) type = types[type.sizeOrType]!;
  return type.kind === ARRAY;
}

function kindOf(data: DataView, type: Type): StructMember['kind'] {
  switch (type.kind) {
    case STRUCT:
      return 'struct';
    case UNION:
      return 'union';
    case ENUM:
      return 'enum';
    case POINTER:
      return 'pointer';
    default: {
      const encoding = (data.getUint32(type.at, true) >>> 24) & 0xf;
      if (encoding & 4) return 'bool';
      if (type.sizeOrType === 1 && /char/.test(type.name)) return 'char';
      return encoding & 1 ? 'int' : 'uint';
    }
  }
}

function parse(data: DataView): Type[] {
  const header = data.getUint32(4, true);
  const types: Type[] = [{ name: 'void', kind: 0, count: 0, sizeOrType: 0, flag: false, at: 0 }];
  let at = header + data.getUint32(8, true);
  const end = at + data.getUint32(12, true);
  while (at < end) {
    const info = data.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const count = info & 0xffff;
    const name = string(data, data.getUint32(at, true));
    types.push({ name, kind, count, sizeOrType: data.getUint32(at + 8, true), flag: info >>> 31 === 1, at: at + 12 });
    at += 12 + extraBytes(kind, count);
  }
  return types;
}

function extraBytes(kind: number, count: number): number {
  switch (kind) {
    case INT:
    case 14: // variable
    case 17: // declaration tag
      return 4;
    case ARRAY:
      return 12;
    case STRUCT:
    case UNION:
    case 15: // data section
    case 19: // 64-bit enum
      return 12 * count;
    case ENUM:
    case 13: // function prototype
      return 8 * count;
    default:
      return 0;
  }
}

function string(data: DataView, offset: number): string {
  const header = data.getUint32(4, true);
  const start = header + data.getUint32(16, true) + offset;
  let end = start;
  while (data.getUint8(end) !== 0) end++;
  return Buffer.from(data.buffer, data.byteOffset + start, end - start).toString();
}

/** A section of a 64-bit little-endian ELF file. */
function section(file: Buffer, wanted: string, path: string): DataView {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = Number(view.getBigUint64(40, true));
  const entrySize = view.getUint16(58, true);
  const header = (index: number) => {
    const at = table + index * entrySize;
    return {
      name: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  };
  const names = header(view.getUint16(62, true)).offset;
  for (let i = 0; i < view.getUint16(60, true); i++) {
    const { name, offset, size } = header(i);
    const end = file.indexOf(0, names + name);
    if (file.toString('latin1', names + name, end) === wanted) {
      return new DataView(file.buffer, file.byteOffset + offset, size);
    }
  }
  throw new Error(`${path}: no section ${wanted}.`);
}
