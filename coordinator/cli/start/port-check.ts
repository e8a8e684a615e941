import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "../../../shared/errors.ts";

const LOOK_EVERY_MS = 100;

/**
 * Makes sure that the address can be listened on, and waits at most `patienceMs`
 * for one that is in use.
 * @throws ConfigError when it cannot.
 */
export async function checkPort(host: string, port: number, patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const code = await listenFailure(host, port);
    if (code === null) return;
    if (code !== "EADDRINUSE" || performance.now() >= end) {
      throw new ConfigError(`cannot listen on ${host} port ${port}: ${reasons[code] ?? code}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program does already; set PORT to a free one",
  EACCES: "only root may; set PORT to one above 1023",
  EADDRNOTAVAIL: "this machine has no such address; set HOST to one of its own",
  ENOTFOUND: "there is no such host; set HOST to an address of this machine",
};

async function listenFailure(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    return null;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? String(thrown);
  } finally {
    server.close();
  }
}
