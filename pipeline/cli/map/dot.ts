import { byNamespace, failedShare, labelOf, nodesOf, type ServiceMapReport } from './report.ts';

/** As a graph of Graphviz: `bpflow map --format dot | dot -Tsvg`. */
export function mapDot(report: ServiceMapReport): string {
  const nodes = nodesOf(report);
  const lines = ['digraph services {', '  rankdir=LR;', '  node [shape=box, style=rounded];'];
  for (const [i, [namespace, members]] of byNamespace(nodes.values()).entries()) {
    const declared = members.map(({ id, name }) => `${id} [label=${quoted(name)}];`);
    if (namespace === '') lines.push(...declared.map((line) => `  ${line}`));
    else {
      lines.push(`  subgraph cluster_${i} {`, `    label=${quoted(namespace)};`);
      lines.push(...declared.map((line) => `    ${line}`), '  }');
    }
  }
  for (const edge of report.edges) {
    const color = failedShare(edge) > 0 ? ', color=red, fontcolor=red' : '';
    const ends = `${nodes.get(edge.client)!.id} -> ${nodes.get(edge.server)!.id}`;
    lines.push(`  ${ends} [label=${quoted(labelOf(edge))}${color}];`);
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

/** In a quoted string of DOT a backslash begins an escape, also of what a label shows. */
function quoted(text: string): string {
  return `"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/[\n\r]/g, ' ')}"`;
}
