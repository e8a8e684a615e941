import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { errorText } from "../../shared/errors.ts";
import { CommandFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The document in a YAML or JSON file; `-` is standard input.
 * @throws CommandFailure when it cannot be read.
 */
export async function readDocumentFile(file: string, terminal: Terminal): Promise<unknown> {
  try {
    return parse(file === "-" ? await terminal.input() : await readFile(file, "utf8")) as unknown;
  } catch (thrown) {
    throw new CommandFailure(2, `${file === "-" ? "standard input" : file} cannot be read: ${errorText(thrown)}`);
  }
}
