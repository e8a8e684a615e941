import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { readAuthorities } from "../../agent/authorities.ts";
import { enroll } from "../../agent/enroll.ts";
import { parseProxies } from "../../coordinator/http/trusted-proxies.ts";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { testAuthority } from "../support/certificates.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../support/coordinator.ts";
import { hasNginx, startNginx } from "../support/nginx.ts";
import { startProgram } from "../support/program-process.ts";
import { freePort } from "../support/servers.ts";
import { httpTarget, type Target } from "../support/targets.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const authority = testAuthority();
const ways = ["the coordinator's own TLS", "nginx with our sample"] as const;

describe.each(ways)("through %s", (way) => {
  const later: Array<() => Promise<unknown>> = [];
  let coordinator: TestCoordinator;
  let target: Target;
  let base: string;
  let plainPort: number;
  let caFile: string;
  let directory: string;
  const isProxied = way === ways[1];

  beforeAll(async () => {
    if (isProxied && !hasNginx) throw new Error("this test needs nginx on the PATH: sudo apt-get install nginx-light");
    const dir = await tempDir();
    later.push(() => dir.remove());
    directory = dir.path;
    const [cert, key] = [join(dir.path, "cert.pem"), join(dir.path, "key.pem")];
    const pair = authority.issue();
    caFile = join(dir.path, "ca.pem");
    await Promise.all([writeFile(cert, pair.cert), writeFile(key, pair.key), writeFile(caFile, authority.cert)]);
    coordinator = await startTestCoordinator(
      "redis",
      isProxied ? { trustedProxies: parseProxies("127.0.0.1") } : { tls: { cert, key } },
    );
    later.push(() => coordinator.stop());
    target = await httpTarget((_, response) => response.end("fine"));
    later.push(() => target.stop());
    const own = Number(new URL(coordinator.url).port);
    const httpsPort = isProxied ? await freePort() : own;
    if (isProxied) {
      plainPort = await freePort();
      const proxy = await startNginx({
        dir: dir.path,
        httpPort: plainPort,
        httpsPort,
        coordinatorPort: own,
        cert,
        key,
      });
      later.push(() => proxy.stop());
    }
    base = `https://localhost:${httpsPort}`;
  });
  afterAll(async () => {
    for (const end of later.reverse()) await end();
  });

  /** Asks from an address of loopback, as somebody who trusts the test's authority. */
  async function ask(
    path: string,
    { body, from = "127.0.0.1", headers = {} }: { body?: object; from?: string; headers?: object } = {},
  ) {
    const dispatcher = new Agent({ localAddress: from, connect: { ca: authority.cert, family: 4 } });
    later.push(() => dispatcher.close());
    const response = await fetch(base + path, {
      method: body ? "POST" : "GET",
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      dispatcher,
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  }
  const agentsNow = async (): Promise<any[]> => (await ask("/v1/agents")).body.data;

  test("the dashboard, the API and what looks on work", async () => {
    expect((await ask("/")).body).toMatch(/<!doctype html>/i);
    const live = new WebSocket(`${base.replace("https", "wss")}/v1/live`, {
      ca: authority.cert,
      family: 4,
      headers: { authorization: `Bearer ${adminToken}` },
    });
    later.push(async () => live.terminate());
    const events: any[] = [];
    live.on("message", (data) => events.push(JSON.parse(String(data))));
    await once(live, "open");
    const made = await ask("/v1/monitors", {
      body: { name: "Seen live", type: "tcp", tcp: { host: "127.0.0.1", port: 9 } },
    });
    expect(made.status).toBe(201);
    await until(
      () => events,
      (all) => all.some(({ type, monitorId }) => type === "monitor" && monitorId === made.body.id),
    );
  });

  test("an agent that trusts the authority checks; one that does not says why it cannot", async () => {
    const url = base.replace("localhost", "127.0.0.1");
    const reached = { url, queueServer: coordinator.queueServer };
    const agents: AgentProcess[] = [
      startAgentProcess(reached, "eu-west", "agt-trusts", { WATCHPOST_CA_FILE: caFile }),
      startAgentProcess(reached, "eu-west", "agt-node", { NODE_EXTRA_CA_CERTS: caFile }),
      startAgentProcess(reached, "eu-west", "agt-doubts"),
    ];
    later.push(() => Promise.all(agents.map((agent) => agent.end("SIGTERM"))));
    await until(agentsNow, (found) => found.length === 2, { withinMs: 20_000 });
    const { body: monitor } = await ask("/v1/monitors", {
      body: {
        name: "Checked",
        type: "http",
        interval: "5s",
        http: { url: `http://127.0.0.1:${target.port}/`, headers: { authorization: "Bearer hunter2" } },
      },
    });
    const found = await until(
      () => ask(`/v1/monitors/${monitor.id}`),
      ({ body }) => body.status.verdict !== "unknown",
      { withinMs: 20_000 },
    );
    expect(found.body.status.verdict).toBe("up");
    await until(
      () => agents[2]?.output() ?? "",
      (output) => /unable to (verify the first|get local issuer) certificate/.test(output),
      { withinMs: 20_000 },
    );
    expect((await agentsNow()).map(({ id }) => id).sort()).toEqual(["agt-node", "agt-trusts"]);
  });

  test("an agent is enrolled, and needs nothing but this one address", async () => {
    const { body: made } = await ask("/v1/enrollment-tokens", { body: { region: "us-east" } });
    const output = join(directory, "credential");
    const { agentId } = await enroll({
      coordinatorUrl: base.replace("localhost", "127.0.0.1"),
      token: made.token,
      output,
      authorities: readAuthorities(caFile),
    });
    const agent = startProgram("agent/main.js", {
      WATCHPOST_CREDENTIAL_FILE: output,
      WATCHPOST_CA_FILE: caFile,
      WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
      WATCHPOST_HEALTH_PORT: "0",
      STATE_DIRECTORY: directory,
    });
    later.push(() => agent.end("SIGTERM"));
    const seen: unknown[] = [];
    const shop = await httpTarget((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    later.push(() => shop.stop());
    const http = { url: `http://127.0.0.1:${shop.port}/`, headers: { authorization: "Bearer hunter2" } };
    await until(agentsNow, (found) => found.some(({ id }) => id === agentId), { withinMs: 20_000 });
    const { body: monitor } = await ask("/v1/monitors", {
      body: { name: "By tunnel", type: "http", interval: "5s", regions: ["us-east"], http },
    });
    const found = await until(
      () => ask(`/v1/monitors/${monitor.id}`),
      ({ body }) => body.status.verdict !== "unknown",
      { withinMs: 20_000 },
    );
    expect(found.body.status.verdict).toBe("up");
    expect(seen[0]).toBe("Bearer hunter2");
  });

  test("who comes is known by the address that is not to be made up", async () => {
    const audited = async (from: string, headers: object) => {
      const body = { name: `From ${from}`, type: "tcp", tcp: { host: "127.0.0.1", port: 9 } };
      const { body: made } = await ask("/v1/monitors", { body, from, headers });
      return (await ask(`/v1/audit?subject=${made.id}`)).body.data[0].address;
    };
    expect(await audited("127.0.0.2", {})).toBe("127.0.0.2");
    expect(await audited("127.0.0.2", { "x-forwarded-for": "9.9.9.9" })).toBe("127.0.0.2");
  });

  test("plain HTTP leads to HTTPS, or nowhere", async () => {
    const port = isProxied ? plainPort : new URL(base).port;
    const answer = await globalThis.fetch(`http://127.0.0.1:${port}/x?y`, { redirect: "manual" }).catch(() => null);
    expect(answer?.status ?? null).toBe(isProxied ? 301 : null);
    if (isProxied) expect(answer?.headers.get("location")).toBe("https://127.0.0.1/x?y");
  });
});
