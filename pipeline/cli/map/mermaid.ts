import { byNamespace, failedShare, labelOf, nodesOf, type ServiceMapReport } from './report.ts';

/** As a flowchart of Mermaid, which GitHub, GitLab and Grafana's text panels draw. */
export function mapMermaid(report: ServiceMapReport): string {
  const nodes = nodesOf(report);
  const lines = ['flowchart LR'];
  for (const [i, [namespace, members]] of byNamespace(nodes.values()).entries()) {
    const declared = members.map(({ id, name }) => `${id}[${quoted(name)}]`);
    if (namespace === '') lines.push(...declared.map((line) => `  ${line}`));
    else lines.push(`  subgraph s${i}[${quoted(namespace)}]`, ...declared.map((line) => `    ${line}`), '  end');
  }
  const failing: number[] = [];
  for (const [i, edge] of report.edges.entries()) {
    lines.push(`  ${nodes.get(edge.client)!.id} -->|${quoted(labelOf(edge))}| ${nodes.get(edge.server)!.id}`);
    if (failedShare(edge) > 0) failing.push(i);
  }
  if (failing.length > 0) lines.push(`  linkStyle ${failing.join(',')} stroke:red,color:red`);
  return `${lines.join('\n')}\n`;
}

/** Mermaid writes characters by their code between # and ;. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[#"<>&`\n\r]/g, (character) => `#${character.charCodeAt(0)};`)}"`;
}
