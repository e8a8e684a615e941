import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What its parent says: how the target of a path fails from now on. */
export interface Failure {
  readonly path: string;
  /** `refuses`: answers 500; `hangs`: takes requests and never answers. */
  readonly how: "refuses" | "hangs";
}

const failures = new Map<string, Failure["how"]>();

const server = createServer((request, response) => {
  const how = failures.get(request.url ?? "");
  if (how === "hangs") return;
  response.writeHead(how === "refuses" ? 500 : 200, { connection: "close" }).end("ok\n");
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.on("message", ({ path, how }: Failure) => failures.set(path, how));
process.on("disconnect", () => process.exit(0));
process.send?.({ port: (server.address() as AddressInfo).port });
