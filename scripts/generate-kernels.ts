/** generate-kernels.ts [FOLDER]: writes docs/reference/kernels.md (or FOLDER/kernels.md) from the results of test/kernels and the registry of metrics. */
import { writeFileSync } from 'node:fs';
import { FACTS } from '../receivers/ebpf/facts.ts';
import { FILES } from '../test/kernels/asked.ts';
import { kernelsPage } from '../test/kernels/page.ts';
import { allResults } from '../test/kernels/results.ts';

const names = FACTS.map(({ definition }) => definition.seedName);
writeFileSync(`${process.argv[2] ?? 'docs/reference'}/kernels.md`, kernelsPage(allResults(), { names, files: FILES }));
