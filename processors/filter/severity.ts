import { z } from 'bpflow/sdk';

/** A severity by name or number; parses to OTLP's number, 0 for the empty text. */
export function severitySetting() {
  return z.union([z.string(), z.int()]).transform((text, context) => {
    const number = severityNumber(String(text));
    if (number !== undefined) return number;
    context.issues.push({
      code: 'custom',
      input: text,
      message: `'${text}' is not a valid severity: write INFO, WARN2 or a number from 1 to 24`,
    });
    return z.NEVER;
  });
}

/** 0 for none given. */
function severityNumber(text: string): number | undefined {
  if (text === '') return 0;
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= 24 ? Number(text) : undefined;
  const [, name, step] = /^([A-Z]+)([2-4]?)$/.exec(text.toUpperCase()) ?? [];
  const index = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].indexOf(name ?? '');
  return index < 0 ? undefined : index * 4 + (step ? Number(step) : 1);
}
