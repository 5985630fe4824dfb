/** The door for components that write metrics as Prometheus text: the last value of every series, and the page made of them. */
export { keepsUtf8 } from './naming.ts';
export { writePage } from './page.ts';
export { type DropReason, type PageEvents, type PageRules, PageStore } from './page-store.ts';
export { TextWriter } from './text-writer.ts';
export { type View, viewKey } from './values.ts';
