import pg from "pg";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentLoad } from "../../../shared/agent-message.ts";
import { findChromium, startBrowser, type TestBrowser } from "../../support/browser.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import { type HandAgent, startHandAgent } from "../../support/hand-agent.ts";

const chromium = findChromium();

const busy: AgentLoad = {
  work: "taking",
  clockTrouble: null,
  inFlight: 12,
  capacity: 500,
  lateness: { p50Ms: 1.2, p99Ms: 38, checks: 4_000 },
  outbox: 3,
  outboxBytes: 2_100,
  outboxMaxBytes: 12_582_912,
  spooled: 0,
  spoolBytes: 0,
  spoolMaxBytes: 104_857_600,
  droppedAgoMs: null,
  loopDelayMs: 4,
  clockOffsetMs: -3_600_123.4,
  clockErrorMs: 0.6,
  lastFetchAgoMs: 40,
  cpu: 0.12,
  rssBytes: 96_000_000,
};
const refused: AgentLoad = {
  ...busy,
  work: "idle",
  clockTrouble: "the clock's offset jumped 3 times within 60 s",
  spooled: 18_000,
  spoolBytes: 99_000_000,
  loopDelayMs: 620,
};

describe.skipIf(chromium === null)("the agents on the dashboard", () => {
  let coordinator: TestCoordinator;
  let browser: TestBrowser;
  let page: Page;
  let agents: HandAgent[];
  const complaints: string[] = [];

  beforeAll(async () => {
    [coordinator, browser] = await Promise.all([startTestCoordinator(), startBrowser(chromium as string)]);
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (thrown) => complaints.push(String(thrown)));
    await page.goto(`${coordinator.url}/#token=${adminToken}`);
  });
  afterAll(async () => {
    await Promise.all((agents ?? []).map((agent) => agent.stop()));
    await browser?.close();
    await coordinator?.stop();
    expect(complaints).toEqual([]);
  });

  const row = (id: string) => page.getByRole("row").filter({ hasText: id });

  test("says how to start when there are none", async () => {
    await page.getByRole("link", { name: "Agents" }).click();
    await page.getByText("There are no agents yet").waitFor();
  });

  test("shows each region's agents: what they do, how late, how right their clocks are, what waits", async () => {
    agents = [
      await startHandAgent(coordinator, "eu-west", { load: () => busy }),
      await startHandAgent(coordinator, "eu-west", { load: () => refused }),
      await startHandAgent(coordinator, "us-east", { load: () => refused }),
    ];
    const [well, ill] = agents as [HandAgent, HandAgent, HandAgent];
    for (const text of [
      "online",
      "12/500",
      "1.2 ms / 38 ms",
      "−3600.1 s ± 0.6 ms",
      "3 (2.1 kB of 13 MB)",
      "12 % of a core",
    ])
      await row(well.id).getByText(text).first().waitFor();
    await row(ill.id).getByText("clock refused").waitFor();
    await row(ill.id).getByText("the clock's offset jumped 3 times within 60 s").waitFor();
    await row(ill.id).getByText("spool 18000 (99 MB of 105 MB)").waitFor();
    await row(ill.id).getByText("event loop 620 ms").waitFor();
    await page.getByText("1 of 2 take checks").waitFor();
    await page.getByText("no agent takes checks").waitFor();
  });

  test("shows what is wrong, and how bad it is", async () => {
    const database = new pg.Client({ connectionString: coordinator.databaseUrl });
    await database.connect();
    const ids = agents.map(({ id }) => id);
    await database.query(
      `INSERT INTO agent_troubles (id, kind, subject, region, agent_id, agent_name, severity, detail, since, opened_at, bad_at)
       VALUES ('trb_1', 'region_without_agents', 'region_without_agents us-east', 'us-east', NULL, NULL, 'critical',
               'None of its agents takes checks: 1 without a clock that can be corrected.', now(), now(), now() + interval '1 h'),
              ('trb_2', 'clock_refused', 'clock_refused ' || $1, 'eu-west', $1, 'Frankfurt <b>2</b>', 'warning', 'It jumps.',
               now() - interval '2 h', now(), now() + interval '1 h')`,
      [ids[1]],
    );
    await database.end();
    const troubles = page.getByRole("region", { name: "Trouble" });
    await troubles.getByText("no agents", { exact: false }).first().waitFor();
    await troubles.getByText("Frankfurt <b>2</b>").waitFor();
    await troubles.getByText("2 h ago").waitFor();
    await troubles.getByRole("button", { name: "Acknowledge: Frankfurt <b>2</b>, clock refused" }).click();
    const dialog = page.getByRole("dialog", { name: "Acknowledge the trouble" });
    await dialog.getByLabel("Note").fill("NTP is on its way");
    await dialog.getByLabel("Your name").fill("Eve");
    await dialog.getByRole("button", { name: "Acknowledge" }).click();
    await troubles.getByText("acknowledged by Eve").waitFor();
    await troubles.getByText("NTP is on its way").waitFor();
  });

  test("adds a server: shows the line and the token, and what would keep it from working", async () => {
    await page.getByRole("button", { name: "Add agent" }).click();
    const asked = page.getByRole("dialog", { name: "Add an agent" });
    await asked.getByLabel("Region").fill("EU");
    await asked.getByRole("button", { name: "Make a token" }).click();
    await asked.getByText("lower-case letters").waitFor();
    await asked.getByLabel("Region").fill("ap-south");
    await asked.getByLabel("Name").fill("mumbai 1");
    await asked.getByRole("button", { name: "Make a token" }).click();
    const told = page.getByRole("dialog", { name: "A server that becomes an agent in ap-south" });
    const { url } = coordinator;
    await told.getByText(`curl -fsSL ${url}/install.sh | sudo sh -s -- --coordinator ${url} --key `).waitFor();
    await told.getByText(/^wpe_\w{43}$/).waitFor();
    await told.getByText("is this machine's own address").waitFor();
    if (process.env.TEST_SCREENSHOTS) await page.screenshot({ path: `${process.env.TEST_SCREENSHOTS}/add-agent.png` });
    await told.getByRole("button", { name: "Done" }).click();
    const { body } = await coordinator.call("GET", "/v1/enrollment-tokens");
    expect(body.data).toMatchObject([{ region: "ap-south", name: "mumbai 1", state: "open" }]);
  });

  test("says why no agent can be added where the queues are in PostgreSQL", async () => {
    const queueServer = { kind: "postgres", connectionString: coordinator.databaseUrl, prefix: "watchpost" } as const;
    const other = await coordinator.another({ queueServer });
    const elsewhere = await (await browser.newContext()).newPage();
    try {
      await elsewhere.goto(`${other.url}/#token=${adminToken}`);
      await elsewhere.getByRole("link", { name: "Agents" }).click();
      await elsewhere.getByRole("button", { name: "Add agent" }).click();
      await elsewhere.getByLabel("Region").fill("ap-south");
      await elsewhere.getByRole("button", { name: "Make a token" }).click();
      await elsewhere.getByRole("alert").getByText("keeps its queues in PostgreSQL").waitFor();
    } finally {
      await elsewhere.close();
      await other.stop();
    }
  });

  test("drains an agent when that is confirmed, and resumes it", async () => {
    const [well] = agents as [HandAgent];
    await page.getByRole("button", { name: `Drain ${well.id}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
    await row(well.id).getByText("draining").waitFor();
    expect((await coordinator.call("GET", `/v1/agents/${well.id}`)).body.drainedAt).not.toBeNull();
    await page.getByRole("button", { name: `Resume ${well.id}` }).click();
    await row(well.id).getByText("online").waitFor();
  });

  test("fits a phone and a desk, in the light and in the dark", async () => {
    for (const width of [360, 1_280]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect(overflow).toBeLessThanOrEqual(0);
      if (!process.env.TEST_SCREENSHOTS) continue;
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.waitForTimeout(500);
        await page.screenshot({
          path: `${process.env.TEST_SCREENSHOTS}/agents-${width}-${colorScheme}.png`,
          fullPage: true,
        });
      }
    }
  });
});
