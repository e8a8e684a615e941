import { once } from "node:events";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Part } from "../../shared/lifecycle.ts";

/** How long `/slow` takes, in ms. */
export const SLOW_MS = 600;
/** `/flaky` fails for the last third of every such span of the clock, in ms. */
const FLAKY_PERIOD_MS = 90_000;

export interface DemoPorts {
  readonly http: number;
  readonly tcp: number;
}

export interface DemoTargetOptions {
  /** On 127.0.0.1; 0 takes a free one. */
  readonly ports: DemoPorts;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

type Page = (response: ServerResponse, now: number) => Promise<void> | void;

const pages: Readonly<Record<string, Page>> = {
  "/healthy": (response) => answer(response, 200, { status: "ok" }),
  "/slow": async (response) => {
    await sleep(SLOW_MS);
    answer(response, 200, { status: "ok, in its own time" });
  },
  "/flaky": (response, now) =>
    now % FLAKY_PERIOD_MS < (FLAKY_PERIOD_MS * 2) / 3
      ? answer(response, 200, { status: "ok, for now" })
      : answer(response, 503, { status: "back in half a minute" }),
  "/down": (response) => answer(response, 500, { status: "broken, on purpose" }),
};

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

/**
 * A small service to watch, for whoever looks at Watchpost for the first time:
 * `/healthy`, `/slow`, `/flaky` and `/down` over HTTP, and a TCP port with a
 * greeting. What it does depends on the clock alone, so that every region sees the same.
 */
export function createDemoTarget({ ports, now = Date.now }: DemoTargetOptions): Part & { ports(): DemoPorts } {
  const http = createHttpServer((request, response) => {
    const page = pages[new URL(request.url ?? "/", "http://demo").pathname];
    if (page) void page(response, now());
    else answer(response, 404, { pages: Object.keys(pages) });
  });
  const tcp = createTcpServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.write("hello from the demo target\n");
    socket.destroySoon();
  });

  return {
    async start() {
      await listen(http, ports.http);
      try {
        await listen(tcp, ports.tcp);
      } catch (thrown) {
        http.close();
        throw thrown;
      }
    },
    async stop() {
      http.closeAllConnections();
      await Promise.all([http, tcp].map((server) => new Promise((resolve) => server.close(resolve))));
    },
    ports: () => ({ http: portOf(http), tcp: portOf(tcp) }),
  };
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
