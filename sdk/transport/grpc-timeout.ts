const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout` header: up to eight digits and a unit (`H`, `M`, `S`, `m`, `u`, `n`); undefined when it is none. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNIT_MS[unit!]!;
}
