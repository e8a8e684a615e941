import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClockSync } from "../../agent/clock-sync.ts";
import { createLink, type Link } from "../../agent/link.ts";
import type { AgentMessage } from "../../shared/agent-message.ts";
import { systemClock } from "../../shared/clock.ts";
import { CLOSE_REFUSED } from "../../shared/link.ts";
import { type LinkServer, startLinkServer } from "../support/link-server.ts";
import { freePort } from "../support/servers.ts";
import { until } from "../support/until.ts";

const token = "wpg_token-of-this-test";
const hello: Extract<AgentMessage, { type: "hello" }> = {
  type: "hello",
  v: 1,
  agentId: "agt-1",
  region: "eu-west",
  version: "1.2.3",
  host: "here",
  node: "v20.19.0",
};

describe("the link", () => {
  let server: LinkServer;
  let link: Link;
  let wishes: boolean[];
  let upgrades: string[];
  let told: Array<readonly string[]>;
  let refusal: Error | null;
  /** What the agent presents. */
  let presents: string;
  const clockSync = () => createClockSync(systemClock());
  let sync: ReturnType<typeof clockSync>;

  beforeEach(async () => {
    server = await startLinkServer(token);
    sync = clockSync();
    wishes = [];
    upgrades = [];
    told = [];
    refusal = null;
    presents = token;
  });
  afterEach(async () => {
    await link.stop();
    await server.stop();
  });

  function start({ url = server.url }: { url?: string } = {}): Promise<void> {
    link = createLink({
      url,
      token: () => presents,
      onCredential: async () => 1,
      hello,
      load: () => ({
        inFlight: 3,
        outbox: 0,
        loopDelayMs: 1.5,
        clockOffsetMs: null,
        clockErrorMs: null,
        lastFetchAgoMs: 12,
      }),
      system: systemClock(),
      clockSync: sync,
      onSampled: () => undefined,
      onUpgrade: (version) => void upgrades.push(version),
      onDrained: (isDrained) => void wishes.push(isDrained),
      onRegionKeys: (keys) => {
        told.push(keys);
      },
      onFatal: (thrown) => {
        refusal = thrown;
      },
      logger: pino({ level: "silent" }),
    });
    return link.start();
  }

  test("is told the keys of the region's secrets", async () => {
    await start();
    server.say({ type: "region-keys", keys: "none" });
    server.say({ type: "region-keys", keys: ["a", "b"] });
    await until(
      () => told,
      ({ length }) => length > 0,
    );
    expect(told).toEqual([["a", "b"]]);
  });

  test("comes anew with the secret that it was given, though another process of its agent kept it first", async () => {
    await start();
    presents = "wpg_the-next";
    server.behaviour.token = presents;
    server.say({ type: "credential", credential: {} });
    await until(
      () => server.comings,
      (comings) => comings === 2,
    );
    await until(
      () => link.isUp,
      (isUp) => isUp,
    );
    server.say({ type: "credential", credential: {} });
    await until(
      () => server.messages.filter(({ type }) => type === "credential-kept"),
      ({ length }) => length === 2,
    );
    // It has presented that one already, and goes on.
    const beats = () => server.messages.filter(({ type }) => type === "heartbeat").length;
    const before = beats();
    link.beat();
    await until(beats, (count) => count > before);
    expect(server.comings).toBe(2);
  });

  test("is told which version to become, and tells what comes of it while it is up", async () => {
    await start();
    server.say({ type: "upgrade", version: "1.2.3" });
    await until(
      () => upgrades,
      ({ length }) => length > 0,
    );
    expect(upgrades).toEqual(["1.2.3"]);
    const news = { type: "upgrade", version: "1.2.3", state: "requested" } as const;
    expect(link.tellUpgrade(news)).toBe(true);
    await until(
      () => server.messages.filter(({ type }) => type === "upgrade"),
      ({ length }) => length === 1,
    );
    server.breakLinks();
    await until(
      () => link.isUp,
      (isUp) => !isUp,
    );
    expect(link.tellUpgrade(news)).toBe(false);
  });

  test("says hello first, then how it is, and knows the coordinator's time when it has started", async () => {
    server.behaviour.clockAheadMs = 60_000;
    await start();
    expect(link.isUp).toBe(true);
    expect(server.messages[0]).toEqual(hello);
    const beat = await until(
      () => server.messages.find(({ type }) => type === "heartbeat"),
      (message) => message !== undefined,
    );
    expect(beat).toMatchObject({ load: { inFlight: 3 } });
    const estimate = sync.estimate();
    expect(Math.abs((estimate?.offsetMs ?? 0) + 60_000)).toBeLessThanOrEqual((estimate?.errorMs ?? 0) + 2);
    expect(Math.abs(sync.clock.now() - (Date.now() + 60_000))).toBeLessThan(1_000);
  });

  test("takes several samples at once, and goes on with its heartbeats", async () => {
    await start();
    await until(
      () => server.messages.filter(({ type }) => type === "clock").length,
      (count) => count >= 5,
    );
    await until(
      () => server.messages.filter(({ type }) => type === "heartbeat").length,
      (count) => count >= 2,
    );
    expect(server.comings).toBe(1);
  });

  test("says how it is and takes a sample of the clock when it is told to", async () => {
    await start();
    const count = (wanted: string) => server.messages.filter(({ type }) => type === wanted).length;
    await until(
      () => [count("clock"), count("heartbeat")],
      ([samples, beats]) => samples === 5 && beats === 1,
    );
    link.beat();
    link.sample();
    await until(
      () => [count("clock"), count("heartbeat")],
      ([samples, beats]) => samples === 6 && beats === 2,
    );
  });

  test("comes back by itself when the link breaks, and says hello again", async () => {
    await start();
    server.breakLinks();
    await until(
      () => server.messages.filter(({ type }) => type === "hello").length,
      (count) => count === 2,
    );
    await until(
      () => link.isUp,
      (isUp) => isUp,
    );
  });

  test("waits for a coordinator that is not there yet", async () => {
    const port = await freePort();
    await start({ url: `http://127.0.0.1:${port}` });
    expect(link.isUp).toBe(false);
    const late = await startLinkServer(token, port);
    await until(
      () => link.isUp,
      (isUp) => isUp,
    );
    await late.stop();
    expect(refusal).toBeNull();
  });

  test("gives up when its token is refused again and again, and only then", async () => {
    presents = "wrong";
    await start();
    await until(
      () => refusal,
      (thrown) => thrown !== null,
    );
    expect(server.comings).toBe(4);
    expect(refusal?.message).toBe(`the coordinator at ${server.url} refuses this agent: HTTP status 401`);
    expect(refusal?.message).not.toContain("wrong");
  });

  test("does not take a passing refusal for a final one", async () => {
    server.behaviour.status = 401;
    void start();
    await until(
      () => server.comings,
      (count) => count === 2,
    );
    server.behaviour.status = null;
    await until(
      () => link.isUp,
      (isUp) => isUp,
    );
    expect(refusal).toBeNull();
  });

  test("gives up when its hello is refused", async () => {
    server.behaviour.closeHello = CLOSE_REFUSED;
    await start();
    await until(
      () => refusal,
      (thrown) => thrown !== null,
    );
    expect(refusal?.message).toContain("4001: no such region");
  });

  test("goes on trying through what may pass", async () => {
    server.behaviour.status = 503;
    await start();
    await until(
      () => server.comings,
      (count) => count >= 4,
    );
    expect(refusal).toBeNull();
  });

  test("hears whether it is drained at each welcome and when it changes, and says when it leaves", async () => {
    await start();
    server.say({ type: "drain" });
    await until(
      () => wishes,
      ({ length }) => length === 2,
    );
    server.behaviour.drained = true;
    server.breakLinks();
    await until(
      () => wishes,
      ({ length }) => length === 3,
    );
    server.say({ type: "resume" });
    await until(
      () => wishes,
      ({ length }) => length === 4,
    );
    expect(wishes).toEqual([false, true, true, false]);
    link.sayDraining();
    await until(
      () => server.messages,
      (messages) => messages.some(({ type }) => type === "draining"),
    );
  });

  test("bears with messages that it does not know", async () => {
    await start();
    for (const message of [{ type: "news" }, [], null, "text", { type: "clock", t0: "x" }]) server.say(message);
    server.say({ type: "drain" });
    await until(
      () => wishes,
      ({ length }) => length === 2,
    );
    expect(link.isUp).toBe(true);
  });
});
