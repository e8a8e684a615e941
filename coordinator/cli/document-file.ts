import { readFile } from "node:fs/promises";
import { parse, parseAllDocuments } from "yaml";
import { errorText } from "../../shared/errors.ts";
import { CommandFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The document in a YAML or JSON file; `-` is standard input.
 * @throws CommandFailure when it cannot be read.
 */
export async function readDocumentFile(file: string, terminal: Terminal): Promise<unknown> {
  return await readAs(file, terminal, (text) => parse(text) as unknown);
}

/** What one file holds. */
export interface DocumentFile {
  /** Its name, as messages have it. */
  readonly file: string;
  readonly documents: readonly unknown[];
}

/**
 * The documents in YAML or JSON files, of which each holds one, a list, or several between
 * lines of `---`; `-` is standard input.
 * @throws CommandFailure when one cannot be read.
 */
export async function readDocumentFiles(files: readonly string[], terminal: Terminal): Promise<DocumentFile[]> {
  return await Promise.all(
    files.map(async (file) => ({ file: calledInput(file), documents: await readAs(file, terminal, documentsIn) })),
  );
}

const calledInput = (file: string): string => (file === "-" ? "standard input" : file);

function documentsIn(text: string): unknown[] {
  const documents = [...parseAllDocuments(text)];
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) throw error;
  return documents.flatMap((document): unknown => document.toJS() ?? []);
}

async function readAs<T>(file: string, terminal: Terminal, read: (text: string) => T): Promise<T> {
  try {
    return read(file === "-" ? await terminal.input() : await readFile(file, "utf8"));
  } catch (thrown) {
    throw new CommandFailure(2, `${calledInput(file)} cannot be read: ${errorText(thrown)}`);
  }
}
