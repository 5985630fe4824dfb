/** Text that is markup already; everything else is escaped. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A template whose values are escaped, unless they are markup; lists are joined. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Html {
  return new Html(strings.reduce((text, part, i) => text + part + (i < values.length ? shown(values[i]) : ''), ''));
}

/** A table; numbers are set to the right. */
export function table(heads: readonly string[], rows: readonly (readonly unknown[])[]): Html {
  if (rows.length === 0) return html`<p class="none">None.</p>`;
  const cell = (value: unknown): Html =>
    typeof value === 'number' ? html`<td class="number">${value.toLocaleString('en')}</td>` : html`<td>${value}</td>`;
  return html`<table>
<thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody>
</table>`;
}

/** A whole page. It needs nothing but itself: no script, no other file. */
export function page(title: string, links: readonly (readonly [path: string, title: string])[], body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title} - bpflow</title><style>${new Html(STYLE)}</style></head>
<body>
<nav>${links.map(([path, name]) => html`<a href="${path}">${name}</a> `)}</nav>
<h1>${title}</h1>
${body}
</body>
</html>
`.text;
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 1.5rem auto; max-width: 76rem; padding: 0 1rem }
nav a { margin-right: .8rem }
table { border-collapse: collapse; margin: .6rem 0 1.4rem }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; vertical-align: top; border-bottom: 1px solid #8884 }
.number { text-align: right; font-variant-numeric: tabular-nums }
.bad { color: #c62828; font-weight: 600 }
.none { color: #888 }
pre { overflow-x: auto }
`;

function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(shown).join('');
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
