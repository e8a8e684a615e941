import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";

export interface Readiness {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface Health extends Part {
  /** The port listened on; null when off. */
  readonly port: number | null;
}

/**
 * `/healthz` (the process answers) and `/readyz` (what is missing) on 127.0.0.1,
 * for whoever operates the machine. Port 0 turns it off.
 */
export function createHealth(deps: {
  readonly port: number;
  readonly variable: string;
  readonly readiness: () => Readonly<Record<string, Readiness>>;
}): Health {
  const server = createServer({ requestTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(body));
    };
    if (request.url === "/healthz") return answer(200, { status: "ok" });
    if (request.url !== "/readyz") return answer(404, { status: "not found" });
    const checks = deps.readiness();
    const ready = Object.values(checks).every(({ ok }) => ok);
    return answer(ready ? 200 : 503, { status: ready ? "ready" : "not ready", checks });
  });
  return {
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? null;
    },
    start() {
      if (deps.port === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        server.once("error", (thrown: NodeJS.ErrnoException) =>
          reject(
            thrown.code === "EADDRINUSE"
              ? new ConfigError(`port ${deps.port} is in use: set ${deps.variable} to another one, or 0 for none`)
              : thrown,
          ),
        );
        server.listen(deps.port, "127.0.0.1", resolve);
      });
    },
    stop() {
      if (!server.listening) return Promise.resolve();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
