/** Units that measure the same thing, as multiples of the first. UCUM. */
const FAMILIES: readonly Readonly<Record<string, number>>[] = [
  { ns: 1, us: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9, d: 86_400e9 },
  { By: 1, kBy: 1e3, MBy: 1e6, GBy: 1e9, KiBy: 2 ** 10, MiBy: 2 ** 20, GiBy: 2 ** 30 },
];

/** How many of one unit another is, as an exact ratio; undefined where they do not measure the same. */
export function unitRatio(
  from: string,
  to: string,
): { readonly multiplier: number; readonly divisor: number } | undefined {
  if (from === to) return { multiplier: 1, divisor: 1 };
  for (const family of FAMILIES) {
    if (!Object.hasOwn(family, from) || !Object.hasOwn(family, to)) continue;
    const ratio = family[from]! / family[to]!;
    const inverse = family[to]! / family[from]!;
    if (Number.isInteger(ratio)) return { multiplier: ratio, divisor: 1 };
    return Number.isInteger(inverse)
      ? { multiplier: 1, divisor: inverse }
      : { multiplier: family[from]!, divisor: family[to]! };
  }
  return undefined;
}
