import { once } from "node:events";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createServerCertificate } from "../../../coordinator/http/certificate.ts";
import { ConfigError } from "../../../shared/errors.ts";
import { createLogger } from "../../../shared/logger.ts";
import { type TestCertificate, testAuthority } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";

const authority = testAuthority();
const silent = createLogger({ level: "silent", name: "test" });

async function place() {
  const dir = await tempDir();
  onTestFinished(() => dir.remove());
  const files = { cert: join(dir.path, "cert.pem"), key: join(dir.path, "key.pem") };
  async function put({ cert, key }: TestCertificate, names = ["cert.pem", "key.pem"]): Promise<void> {
    for (const [name, text] of [
      [names[0], cert],
      [names[1], key],
    ] as const) {
      const path = join(dir.path, name as string);
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    }
  }
  return { dir: dir.path, files, put };
}

/** An HTTPS server that shows what is in the files, and the log lines of that. */
async function serve(files: { cert: string; key: string }) {
  const lines: Array<{ level: number; msg: string; reason?: string }> = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const certificate = createServerCertificate(files, { logger, lookEveryMs: 10 });
  const server: Server = createServer({ ...certificate.options }, (_, response) => response.end("here"));
  certificate.serve(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await certificate.start();
  onTestFinished(async () => {
    await certificate.stop();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const open = async (options: object = {}): Promise<TLSSocket> => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority.cert, servername: "localhost", ...options });
    onTestFinished(() => void socket.destroy());
    await once(socket, "secureConnect");
    return socket;
  };
  const shown = async (): Promise<string> => (await open()).getPeerCertificate().fingerprint256;
  const ask = async (socket: TLSSocket): Promise<string> => {
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    return String((await once(socket, "data"))[0]);
  };
  return { lines, open, shown, ask };
}

test.each([
  ["renamed over the ones before", false],
  ["behind a link that is swapped", true],
])("a new certificate is shown when its files are there: %s", async (_, behindLink) => {
  const { dir, files, put } = await place();
  const given = { cert: files.cert, key: files.key };
  if (behindLink) {
    // As Kubernetes keeps secrets: names → ..data → a directory per version.
    await mkdir(join(dir, "one"));
    await put(authority.issue(), ["one/cert.pem", "one/key.pem"]);
    await symlink("one", join(dir, "..data"));
    Object.assign(given, { cert: join(dir, "..data/cert.pem"), key: join(dir, "..data/key.pem") });
  } else {
    await put(authority.issue());
  }
  const { lines, open, shown, ask } = await serve(given);
  const before = await shown();
  const kept = await open();
  expect(await ask(kept)).toContain("here");
  if (behindLink) {
    await mkdir(join(dir, "two"));
    await put(authority.issue(), ["two/cert.pem", "two/key.pem"]);
    await symlink("two", join(dir, "..next"));
    await rename(join(dir, "..next"), join(dir, "..data"));
  } else {
    await put(authority.issue());
  }
  await until(shown, (now) => now !== before);
  expect(lines.map(({ msg }) => msg)).toEqual(["The new TLS certificate is shown from now on"]);
  // Who was connected stays connected.
  expect(await ask(kept)).toContain("here");
});

test("a new certificate that is broken is told once, and the one before goes on being shown until it is mended", async () => {
  const { files, put } = await place();
  await put(authority.issue());
  const { lines, shown } = await serve(files);
  const before = await shown();
  const next = authority.issue();
  await put({ cert: next.cert, key: authority.issue().key });
  await until(
    () => lines,
    ({ length }) => length > 0,
  );
  expect(lines[0]).toMatchObject({
    level: 50,
    msg: "The new TLS certificate cannot be used; the one before goes on being shown",
    reason: `TLS_KEY ${files.key} is not the key of the certificate in TLS_CERT ${files.cert}`,
  });
  expect(await shown()).toBe(before);
  await put(next);
  await until(shown, (now) => now !== before);
  expect(lines).toHaveLength(2);
});

test("nothing below TLS 1.2 is spoken", async () => {
  const { files, put } = await place();
  await put(authority.issue());
  const { open } = await serve(files);
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
  await expect(open(old)).rejects.toThrow(/protocol version/i);
  expect((await open({ maxVersion: "TLSv1.2" })).getProtocol()).toBe("TLSv1.2");
  expect((await open()).getProtocol()).toBe("TLSv1.3");
});

test.each([
  ["no certificate", { cert: null }, /^TLS_CERT \S+ cannot be read \(ENOENT\)$/],
  ["no key", { key: null }, /^TLS_KEY \S+ cannot be read \(ENOENT\)$/],
  ["something else for a certificate", { cert: "hunter2" }, /^TLS_CERT \S+ must hold a certificate in PEM$/],
  [
    "something else for a key",
    { key: "hunter2" },
    /^TLS_KEY \S+ must hold a private key in PEM, without a passphrase$/,
  ],
  ["another's key", { key: authority.issue().key }, /^TLS_KEY \S+ is not the key of the certificate in TLS_CERT \S+$/],
])("%s is one clear line at the start", async (_, changes: { cert?: string | null; key?: string | null }, line) => {
  const { files } = await place();
  const pair = { ...authority.issue(), ...changes };
  for (const name of ["cert", "key"] as const) {
    const text = pair[name];
    if (text !== null) await writeFile(files[name], text);
  }
  const start = () => createServerCertificate(files, { logger: silent });
  expect(start).toThrow(ConfigError);
  expect(start).toThrow(line);
});
