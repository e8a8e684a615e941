import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoMonitors } from "../../../coordinator/demo/monitors.ts";
import { createDemoTarget, SLOW_MS } from "../../../coordinator/demo/target.ts";
import { monitorDocument } from "../../../shared/monitor.ts";

describe("the demo target", () => {
  let now = 0;
  const target = createDemoTarget({ ports: { http: 0, tcp: 0 }, now: () => now });
  beforeAll(target.start);
  afterAll(target.stop);
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${target.ports().http}${path}`)).status;

  test("is healthy, slow, down, and flaky by the clock", async () => {
    expect(await status("/healthy")).toBe(200);
    const began = performance.now();
    expect(await status("/slow")).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(SLOW_MS - 5);
    expect(await status("/down")).toBe(500);
    expect(await status("/nowhere")).toBe(404);
    const seen: number[] = [];
    for (now = 0; now < 180_000; now += 30_000) seen.push(await status("/flaky"));
    expect(seen).toEqual([200, 200, 503, 200, 200, 503]);
  });

  test("greets on its TCP port", async () => {
    expect(await text(connect(target.ports().tcp, "127.0.0.1"))).toBe("hello from the demo target\n");
  });

  test("has monitors that the API takes, each for a page or port that there is", async () => {
    for (const document of demoMonitors(target.ports())) {
      const { success, data } = monitorDocument.safeParse(document);
      expect(success, document.name).toBe(true);
      if (data?.type === "http") expect(await status(new URL(data.http.url).pathname)).not.toBe(404);
    }
  });
});
