import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { QueueServer } from "../../shared/queues.ts";
import { testAuthority } from "./certificates.ts";
import { freePort } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

/** A Redis that is reached plainly and over TLS, with a certificate of an authority of the test's own. */
export async function startTlsRedis(): Promise<{
  readonly server: Extract<QueueServer, { kind: "redis" }>;
  readonly tlsPort: number;
  /** The authority's certificate, and the file that it is in. */
  readonly authority: { readonly cert: string; readonly file: string };
  stop(): Promise<void>;
}> {
  const [dir, port, tlsPort] = await Promise.all([tempDir(), freePort(), freePort()]);
  const authority = testAuthority();
  const { cert, key } = authority.issue();
  const file = (name: string) => join(dir.path, name);
  await Promise.all([
    writeFile(file("ca.pem"), authority.cert),
    writeFile(file("cert.pem"), cert),
    writeFile(file("key.pem"), key),
  ]);
  const child = spawn(
    "redis-server",
    [
      ...[
        "--bind",
        "127.0.0.1",
        "--port",
        String(port),
        "--tls-port",
        String(tlsPort),
        "--dir",
        dir.path,
        "--save",
        "",
      ],
      ...["--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem"), "--tls-ca-cert-file", file("ca.pem")],
      ...["--tls-auth-clients", "no", "--requirepass", "secret"],
    ],
    { stdio: "ignore" },
  );
  const options = { host: "127.0.0.1", port, password: "secret" };
  const client = new Redis({ ...options, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  await until(
    () => client.ping().catch(() => ""),
    (answer) => answer === "PONG",
  );
  client.disconnect();
  return {
    server: { kind: "redis", options, prefix: "watchpost" },
    tlsPort,
    authority: { cert: authority.cert, file: file("ca.pem") },
    async stop() {
      const exited = once(child, "exit");
      child.kill();
      await exited;
      await dir.remove();
    },
  };
}
