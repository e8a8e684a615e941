import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { createGunzip, gzip } from "node:zlib";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Answer, Engine } from "./clickhouse-engine.ts";
import { ClickHouseFault, faultOf } from "./clickhouse-faults.ts";

/** The largest request after decompression, in bytes. Our own inserts are of a few MB. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

const NO_DATA_TO_INSERT = 108;

/** Query-string names of the HTTP interface itself; all others are settings of the statement. */
const reserved = new Set([
  "query",
  "database",
  "default_format",
  "query_id",
  "session_id",
  "session_check",
  "session_timeout",
  "close_session",
  "user",
  "password",
  "quota_key",
  "role",
  "compress",
  "decompress",
  "stacktrace",
  "buffer_size",
  "wait_end_of_query",
]);

export interface ClickHouseServerOptions {
  readonly openEngine: () => Promise<Engine>;
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/**
 * ClickHouse's HTTP interface over an engine in this process, as far as
 * `@clickhouse/client` uses it: statements in the body or the query string, data
 * in the body, parameters, settings, gzip both ways, error codes and statuses.
 * Sessions are accepted and not kept: each statement stands alone.
 * See https://clickhouse.com/docs/interfaces/http.
 */
export function createClickHouseServer(options: ClickHouseServerOptions): Part & { port(): number } {
  const server = createServer((request, response) => void answer(request, response));
  let engine: Engine;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? "/", "http://clickhouse");
      if (url.pathname === "/ping") return void response.end("Ok.\n");
      if (!isAllowed(request, url.searchParams, options)) {
        throw new ClickHouseFault(516, "AUTHENTICATION_FAILED", "wrong user or password");
      }
      await runStatement(request, response, url.searchParams);
    } catch (thrown) {
      if (!response.headersSent && !response.destroyed) sendFault(response, thrown);
      else response.destroy();
    }
  }

  async function runStatement(request: IncomingMessage, response: ServerResponse, params: URLSearchParams) {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const inUrl = params.get("query");
    const body = await readBody(request);
    const sql = inUrl ? (body === "" ? inUrl : `${inUrl}\n${body}`) : body;
    if (sql.trim() === "") throw new ClickHouseFault(62, "SYNTAX_ERROR", "Empty query");
    const parameters = new Map<string, string>();
    const settings = new Map<string, string>();
    for (const [name, value] of params) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw new ClickHouseFault(115, "UNKNOWN_SETTING", `Unknown setting ${JSON.stringify(name)}`);
      }
      if (name.startsWith("param_")) parameters.set(name.slice("param_".length), value);
      else if (!reserved.has(name)) settings.set(name, value);
    }
    const format = params.get("default_format") ?? "TabSeparated";
    const database = params.get("database") ?? (request.headers["x-clickhouse-database"] as string | undefined) ?? null;
    const result = await engine
      .run({ sql, format, database, settings, parameters, signal: gone.signal })
      .catch(forgiveEmptyInsert);
    response.setHeader("X-ClickHouse-Query-Id", params.get("query_id") ?? randomUUID());
    response.setHeader("X-ClickHouse-Format", format);
    response.setHeader("X-ClickHouse-Timezone", "UTC");
    response.setHeader("X-ClickHouse-Summary", JSON.stringify(summaryOf(result)));
    response.setHeader("Content-Type", "text/plain; charset=UTF-8");
    await send(response, result.body, wantsGzip(request, params));
  }

  return {
    async start() {
      engine = await options.openEngine();
      server.listen(options.port, "127.0.0.1");
      await once(server, "listening");
    },
    async stop() {
      server.close();
      server.closeIdleConnections();
      await engine.close();
      server.closeAllConnections();
    },
    port: () => (server.address() as AddressInfo).port,
  };
}

function isAllowed(
  { headers }: IncomingMessage,
  params: URLSearchParams,
  { user, password }: ClickHouseServerOptions,
): boolean {
  const [scheme, credentials = ""] = headers.authorization?.split(" ") ?? [];
  const basic = scheme?.toLowerCase() === "basic" ? Buffer.from(credentials, "base64").toString() : null;
  const given =
    basic ??
    `${headers["x-clickhouse-user"] ?? params.get("user")}:${headers["x-clickhouse-key"] ?? params.get("password")}`;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(`${user}:${password}`));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new ClickHouseFault(48, "NOT_IMPLEMENTED", `Content-Encoding ${encoding} is not supported`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of encoding === "gzip" ? request.pipe(createGunzip()) : request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) {
      throw new ClickHouseFault(307, "TOO_MANY_BYTES", `The request is larger than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The engine minds an INSERT without rows; a server does not. */
function forgiveEmptyInsert(thrown: unknown): Answer {
  if (faultOf(thrown)?.code !== NO_DATA_TO_INSERT) throw thrown;
  return { body: new Uint8Array(), rowsRead: 0, bytesRead: 0, elapsedMs: 0 };
}

const summaryOf = ({ rowsRead, bytesRead, elapsedMs }: Answer) => ({
  read_rows: String(rowsRead),
  read_bytes: String(bytesRead),
  written_rows: "0",
  written_bytes: "0",
  total_rows_to_read: "0",
  result_rows: "0",
  result_bytes: "0",
  elapsed_ns: String(Math.round(elapsedMs * 1e6)),
});

const wantsGzip = (request: IncomingMessage, params: URLSearchParams): boolean =>
  params.get("enable_http_compression") === "1" && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));

async function send(response: ServerResponse, body: Uint8Array, compressed: boolean): Promise<void> {
  const bytes = compressed ? await promisify(gzip)(body, { level: 1 }) : body;
  if (compressed) response.setHeader("Content-Encoding", "gzip");
  response.setHeader("Content-Length", bytes.byteLength);
  response.end(bytes);
}

function sendFault(response: ServerResponse, thrown: unknown): void {
  const fault = faultOf(thrown);
  response.writeHead(fault?.httpStatus ?? 500, {
    "Content-Type": "text/plain; charset=UTF-8",
    // What is left of a request that was too large is not read.
    ...(fault?.httpStatus === 413 ? { Connection: "close" } : {}),
    ...(fault ? { "X-ClickHouse-Exception-Code": String(fault.code) } : {}),
  });
  response.end(fault ? `${fault.text}\n` : `${errorText(thrown)}\n`);
}
