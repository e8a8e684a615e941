import { afterEach, describe, expect, test } from "vitest";
import { createHealth, type Health, type Readiness } from "../../agent/health.ts";
import { ConfigError } from "../../shared/errors.ts";
import { freePort } from "../support/servers.ts";
import { hangingTarget } from "../support/targets.ts";

describe("an agent's health", () => {
  let health: Health | null = null;
  let checks: Record<string, Readiness>;
  afterEach(async () => {
    await health?.stop();
    health = null;
  });

  async function start(port: number): Promise<void> {
    health = createHealth({ port, variable: "WATCHPOST_HEALTH_PORT", readiness: () => checks });
    await health.start();
  }
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${health?.port}${path}`);
    return { status: response.status, body: await response.json() };
  };

  test("says what is missing", async () => {
    checks = { queue: { ok: true }, link: { ok: false, reason: "the coordinator is not linked" } };
    await start(await freePort());
    expect(await ask("/healthz")).toEqual({ status: 200, body: { status: "ok" } });
    expect(await ask("/readyz")).toEqual({ status: 503, body: { status: "not ready", checks } });
    checks = { queue: { ok: true }, link: { ok: true } };
    expect(await ask("/readyz")).toEqual({ status: 200, body: { status: "ready", checks } });
    expect((await ask("/other")).status).toBe(404);
  });

  test("is off at port 0", async () => {
    await start(0);
    expect(health?.port).toBeNull();
  });

  test("says which variable to change when its port is taken", async () => {
    const taken = await hangingTarget();
    await expect(start(taken.port)).rejects.toThrow(
      new ConfigError(`port ${taken.port} is in use: set WATCHPOST_HEALTH_PORT to another one, or 0 for none`),
    );
    await taken.stop();
  });
});
