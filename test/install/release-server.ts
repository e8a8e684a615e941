import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { MANIFEST } from "../../shared/release.ts";
import type { TestCertificate } from "../support/certificates.ts";
import type { FakeWay } from "./fake-agent.ts";
import { fakeRelease } from "./fake-release.ts";

/** What a coordinator serves to installers, played by hand so that a test can spoil it. */
export interface ReleaseServer {
  readonly url: string;
  /** The public key, as the printed line has it. */
  readonly key: string;
  /** The same of somebody else. */
  readonly foreignKey: string;
  /** From now on this is the latest release. */
  publish(version: string, way?: FakeWay): Promise<void>;
  /** Changes what is served at a path below `/agent/releases`, until `heal`. */
  spoil(path: string, change: (body: Buffer) => Buffer): void;
  /** Answers everything so, until `heal`; with a clock that is off by so many ms. */
  answerWith(answer: { readonly status?: number; readonly clockMs?: number; readonly hangs?: boolean }): void;
  heal(): void;
  /** Resolves when the path is asked for. */
  asked(path: string): Promise<void>;
  stop(): Promise<void>;
}

const newKey = () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64url"), privateKey };
};

export async function startReleaseServer(host: string, certificate: TestCertificate): Promise<ReleaseServer> {
  const { publicKey, privateKey } = newKey();
  const files = new Map<string, Buffer>();
  let spoiled = new Map<string, (body: Buffer) => Buffer>();
  let answer: Parameters<ReleaseServer["answerWith"]>[0] = {};
  const waiting = new Map<string, () => void>();

  const server = createServer(certificate, (request, response) => {
    const path = (request.url ?? "").replace("/agent/releases", "");
    waiting.get(path)?.();
    if (answer.hangs) return;
    const body = files.get(path);
    const status = answer.status ?? (body ? 200 : 404);
    response.writeHead(status, { date: new Date(Date.now() + (answer.clockMs ?? 0)).toUTCString() });
    response.end(body && (spoiled.get(path)?.(body) ?? body));
  });
  server.listen(0, host);
  await once(server, "listening");

  return {
    url: `https://${host}:${(server.address() as AddressInfo).port}`,
    key: publicKey,
    foreignKey: newKey().publicKey,
    async publish(version, way = "ready") {
      const release = await fakeRelease(version, way);
      const manifest = release.get(MANIFEST) as Buffer;
      const signature = sign("sha256", manifest, privateKey);
      for (const name of [version, "latest"]) {
        files.set(`/${name}`, manifest);
        files.set(`/${name}.sig`, signature);
      }
      for (const [name, body] of release) files.set(`/${version}/${name}`, body);
      files.set("/install.sh", release.get("install.sh") as Buffer);
    },
    spoil: (path, change) => void spoiled.set(path, change),
    answerWith(next) {
      answer = next;
    },
    heal() {
      spoiled = new Map();
      answer = {};
    },
    asked: (path) => new Promise((resolve) => waiting.set(path, resolve)),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
