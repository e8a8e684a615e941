import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatManifest } from "../../../shared/release.ts";
import { startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";

const execute = promisify(execFile);
const executable = randomBytes(300_000);
const script = "#!/bin/sh\necho installed\n";
const gz = "watchpost-agent-linux-x64.gz";

describe("the agent's releases", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let releases: string;
  let coordinator: TestCoordinator;

  beforeAll(async () => {
    dir = await tempDir();
    releases = join(dir.path, "releases");
    coordinator = await startTestCoordinator("redis", { agentReleases: releases });
  });
  afterAll(async () => {
    await coordinator.stop();
    await dir.remove();
  });

  async function release(version: string, manifest?: string): Promise<void> {
    const folder = join(releases, version);
    await mkdir(folder, { recursive: true });
    const contents = { "install.sh": Buffer.from(script), [gz]: executable };
    const files = Object.entries(contents).map(([name, content]) => ({
      name,
      sha256: createHash("sha256").update(content).digest("hex"),
      size: content.length,
    }));
    for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), content);
    await writeFile(join(folder, "manifest"), manifest ?? formatManifest({ version, files }));
    await writeFile(join(folder, "secret"), "in no manifest");
  }

  const get = (path: string, headers: Record<string, string> = {}, method = "GET", base = coordinator.url) =>
    fetch(base + path, { method, headers });

  test("says what to run where none was built", async () => {
    for (const path of ["/install.sh", "/agent/releases/latest", "/agent/releases/latest.sig"]) {
      const { status, body } = await coordinator.call("GET", path, undefined, null);
      expect(status).toBe(404);
      expect(body.detail).toContain("npm run build:agent");
    }
  });

  describe("where there are some", () => {
    beforeAll(async () => {
      for (const version of ["1.2.0", "1.10.0", "1.9.0"]) await release(version);
    });

    test("are found by version, the latest by name, without a token", async () => {
      const latest = await get("/agent/releases/latest");
      expect(latest.status).toBe(200);
      expect(await latest.text()).toMatch(/^watchpost-agent-release 1\nversion 1\.10\.0\nfile install\.sh /);
      expect(await (await get("/agent/releases/1.2.0")).text()).toContain("version 1.2.0\n");
      expect(await (await get("/install.sh")).text()).toBe(script);
      const { status, body } = await coordinator.call("GET", "/agent/releases/3.0.0", undefined, null);
      expect(status).toBe(404);
      expect(body.detail).toContain("1.10.0, 1.9.0, 1.2.0");
    });

    test("are signed with the deployment's own key, as OpenSSL verifies it", async () => {
      const { body } = await coordinator.call("GET", "/v1/agents/release-key");
      const der = join(dir.path, "key.der");
      const pem = join(dir.path, "key.pem");
      await writeFile(der, Buffer.from(body.key, "base64url"));
      await execute("openssl", ["pkey", "-pubin", "-inform", "DER", "-in", der, "-out", pem]);
      const manifest = join(dir.path, "manifest");
      const signature = join(dir.path, "manifest.sig");
      await writeFile(manifest, await (await get("/agent/releases/latest")).text());
      await writeFile(signature, Buffer.from(await (await get("/agent/releases/latest.sig")).arrayBuffer()));
      const verify = () => execute("openssl", ["dgst", "-sha256", "-verify", pem, "-signature", signature, manifest]);
      expect((await verify()).stdout).toBe("Verified OK\n");
      await writeFile(manifest, (await (await get("/agent/releases/latest")).text()).replace("1.10.0", "1.10.1"));
      await expect(verify()).rejects.toThrow();
    });

    test("are signed with the same key by every coordinator of the deployment, and told to nobody without a token", async () => {
      const another = await coordinator.another();
      const key = (from: TestCoordinator) => from.call("GET", "/v1/agents/release-key");
      expect((await key(another)).body).toEqual((await key(coordinator)).body);
      await another.stop();
      expect((await coordinator.call("GET", "/v1/agents/release-key", undefined, null)).status).toBe(401);
    });

    test("have files that can be asked for in part, or only if they have changed", async () => {
      const path = `/agent/releases/1.2.0/${gz}`;
      const whole = await get(path);
      expect(Buffer.from(await whole.arrayBuffer()).equals(executable)).toBe(true);
      expect(whole.headers.get("content-length")).toBe("300000");
      const etag = whole.headers.get("etag") as string;
      expect((await get(path, { "if-none-match": etag })).status).toBe(304);
      const rest = await get(path, { range: "bytes=299990-", "if-range": etag });
      expect(rest.status).toBe(206);
      expect(rest.headers.get("content-range")).toBe("bytes 299990-299999/300000");
      expect(Buffer.from(await rest.arrayBuffer()).equals(executable.subarray(299_990))).toBe(true);
      expect((await get(path, { range: "bytes=299990-", "if-range": '"another"' })).status).toBe(200);
      const head = await get(path, {}, "HEAD");
      expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "300000", ""]);
    });

    test.each([
      "/agent/releases/1.2.0/secret",
      "/agent/releases/1.2.0/manifest",
      "/agent/releases/1.2.0/..%2f1.9.0%2finstall.sh",
      "/agent/releases/1.2.0/..%2f..%2f..%2f..%2fetc%2fpasswd",
      "/agent/releases/..%2freleases%2f1.2.0/install.sh",
      "/agent/releases/%2e%2e/secret",
      "/agent/releases/1.2.0%00/install.sh",
      "/agent/releases/1.2.0/install.sh/../secret",
    ])("hold nothing that no manifest names: %s", async (path) => {
      // Not by fetch, which would tidy the path up.
      const response = await new Promise<string>((resolve, reject) => {
        const asked = request(coordinator.url, { path }, (answer) => {
          text(answer).then((body) => resolve(`${answer.statusCode} ${body}`), reject);
        });
        asked.on("error", reject);
        asked.end();
      });
      expect(response).toMatch(/^40[014] /);
    });

    test("that are not what they say are not given out", async () => {
      await release("2.0.0", formatManifest({ version: "1.2.0", files: [] }));
      await release("2.1.0", "version 2.1.0\n");
      await symlink(dir.path, join(releases, "current"));
      expect(await (await get("/agent/releases/latest")).text()).toContain("version 1.10.0\n");
      expect((await get("/agent/releases/2.0.0")).status).toBe(404);
      await release("1.9.0");
      await writeFile(join(releases, "1.9.0", gz), "cut short");
      const { status, body } = await coordinator.call("GET", `/agent/releases/1.9.0/${gz}`, undefined, null);
      expect(status).toBe(500);
      expect(body.detail).toContain("not what its manifest says");
      for (const version of ["2.0.0", "2.1.0"]) await rm(join(releases, version), { recursive: true });
    });

    test("are given to so many at once, and to others when these are done", async () => {
      const file = { name: "large.gz", sha256: "00".repeat(32), size: 32 * 2 ** 20 };
      await release("1.9.0", formatManifest({ version: "1.9.0", files: [file] }));
      await writeFile(join(releases, "1.9.0", file.name), "");
      await truncate(join(releases, "1.9.0", file.name), file.size);
      const slow = await Promise.all(
        Array.from({ length: 32 }, async () => {
          const leave = new AbortController();
          const response = await fetch(`${coordinator.url}/agent/releases/1.9.0/large.gz`, { signal: leave.signal });
          expect(response.status).toBe(200);
          // The download goes on while somebody holds its response.
          return { leave, response };
        }),
      );
      const refused = await get("/install.sh");
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "10"]);
      slow[0]?.leave.abort();
      await until(
        async () => (await get("/install.sh")).status,
        (status) => status === 200,
      );
      for (const { leave } of slow) leave.abort();
    });
  });
});
