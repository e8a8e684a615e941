import { readDocumentFile } from "../document-file.ts";
import { CommandFailure } from "../failure.ts";
import type { Terminal } from "../terminal.ts";

/** The flags that describe a monitor. Values are as typed: the coordinator checks them and names field and rule. */
export interface MonitorFlags {
  readonly name?: string;
  readonly url?: string;
  readonly method?: string;
  readonly host?: string;
  readonly port?: string;
  readonly interval?: string;
  readonly timeout?: string;
  readonly regions?: string;
  readonly quorum?: string;
  readonly file?: string;
}

/**
 * The monitor's document that the flags or their file describe.
 * @throws CommandFailure when they do not go together, or the file cannot be read.
 */
export async function readDocument(flags: MonitorFlags, terminal: Terminal): Promise<unknown> {
  const { file, ...described } = flags;
  if (file === undefined) return documentOf(described);
  const other = Object.keys(described)[0];
  if (other !== undefined) throw new CommandFailure(2, `--file holds the whole monitor: leave out --${other}`);
  return await readDocumentFile(file, terminal);
}

function documentOf(flags: Omit<MonitorFlags, "file">): Record<string, unknown> {
  const { name, url, method, host, port, interval, timeout, regions, quorum } = flags;
  const common = {
    ...(interval === undefined ? {} : { interval }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(regions === undefined ? {} : { regions: regions === "all" ? regions : regions.split(",") }),
    ...(quorum === undefined ? {} : { quorum: asNumber(quorum) }),
  };
  if (url !== undefined && host === undefined && port === undefined) {
    const http = { url, ...(method === undefined ? {} : { method }) };
    return { name: name ?? url, type: "http", ...common, http };
  }
  if (host !== undefined && port !== undefined && url === undefined && method === undefined) {
    return { name: name ?? `${host}:${port}`, type: "tcp", ...common, tcp: { host, port: asNumber(port) } };
  }
  throw new CommandFailure(2, "say what to watch: --url URL, or --host HOST --port PORT, or --file FILE");
}

/** A number where the text is one: what else stands there is for the coordinator to refuse. */
const asNumber = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);
