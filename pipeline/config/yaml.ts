import { Composer, type Document, LineCounter, Parser, type YAMLParseError } from 'yaml';
import type { ConfigNode, ConfigProblem, Origin } from './types.ts';
import { nestingProblem } from './yaml-nesting.ts';
import { convertDocument } from './yaml-nodes.ts';

/** Where a place in the text is, as messages tell it; line and column count from 1. */
export type Locate = (line: number, column: number) => Origin;

export interface ParsedYaml {
  /** Undefined for a text without a value (empty, only comments), and for one that is no YAML. With a duplicate key, the first. */
  readonly node: ConfigNode | undefined;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Parses one YAML document by go-yaml's rules: anchors, aliases and `<<` are resolved, keys are texts, each once. Texts
 * above 16 MiB, 200 levels or 200,000 values, with further documents, or with an alias inside its own anchor are problems.
 * Never throws, and takes no time that the size of the text does not explain.
 */
export function parseYaml(text: string, locate: Locate): ParsedYaml {
  const problem = (message: string, line: number, column: number): ParsedYaml => ({
    node: undefined,
    problems: [{ path: [], message, origin: locate(line, column) }],
  });
  if (text.length > MAX_LENGTH) return problem('the text is larger than 16 MiB', 1, 1);
  const control = CONTROL.exec(text);
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text.endsWith('\n') ? text : `${text}\n`)];
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return locate(Math.max(line, 1), Math.max(col, 1));
  };
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return single({
      path: [],
      message: `the character U+${code} is not allowed: is this a text file?`,
      origin: at(control.index),
    });
  }
  const tooDeep = nestingProblem(tokens, at);
  if (tooDeep !== undefined) return single(tooDeep);
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  const documents: Document.Parsed[] = [...composer.compose(tokens)];
  const errors = documents.flatMap((document) => document.errors);
  if (errors.length > 0) return { node: undefined, problems: syntaxProblems(errors, text, at) };
  const [first, ...rest] = documents;
  const extra = rest.find((document) => document.contents !== null);
  if (extra !== undefined) {
    const message = 'a second YAML document begins here: put each into a file of its own and give several --config';
    return single({ path: [], message, origin: at(extra.contents?.range[0] ?? 0) });
  }
  return first?.contents ? convertDocument(first.contents, at) : { node: undefined, problems: [] };
}

function single(problem: ConfigProblem): ParsedYaml {
  return { node: undefined, problems: [problem] };
}

/** What follows a syntax error is guesswork, so only the first is told; tabs are told all. */
function syntaxProblems(
  errors: readonly YAMLParseError[],
  text: string,
  at: (offset: number) => Origin,
): readonly ConfigProblem[] {
  const sorted = [...errors].sort((a, b) => a.pos[0] - b.pos[0]);
  const tabs = sorted.filter((error) => error.code === 'TAB_AS_INDENT');
  return (tabs.length > 0 && sorted[0] === tabs[0] ? tabs : sorted.slice(0, 1)).map((error) => ({
    path: [],
    message: explainSyntax(error),
    origin: at(placeOf(error, text)),
  }));
}

/** Where an indentation is wrong, the parser tells the end of the line before. */
function placeOf({ code, pos }: YAMLParseError, text: string): number {
  return code === 'BAD_INDENT' ? pos[0] + /^\s*/.exec(text.slice(pos[0]))![0].length : pos[0];
}

function explainSyntax({ code, message }: YAMLParseError): string {
  if (/^Flow (?:map|sequence) .*(?:must|expected)|expected to end with/i.test(message)) {
    return 'a { or [ before this place is not closed';
  }
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used for indentation: YAML wants spaces';
    case 'BAD_INDENT':
      return 'this line is not indented like those around it';
    case 'MULTILINE_IMPLICIT_KEY':
      return 'this key goes over several lines: is a colon or a quote missing?';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a map cannot begin on the line of its key: break the line after the colon, or quote a text with ": " in it';
    case 'BAD_ALIAS':
      return `${lowered(message)}: an anchor must come before its alias`;
    case 'UNEXPECTED_TOKEN':
      if (message.endsWith('at node end'))
        return 'this does not belong to what stands before it: check indentation and quotes';
      return `this is not valid YAML: ${lowered(message)}`;
    case 'MISSING_CHAR':
      if (message.startsWith('Implicit map keys'))
        return 'a colon is missing: this is neither a key with a value nor a list item';
      return `this is not valid YAML: ${lowered(message)}`;
    default:
      return `this is not valid YAML: ${lowered(message)}`;
  }
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

const MAX_LENGTH = 16 * 1024 * 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
