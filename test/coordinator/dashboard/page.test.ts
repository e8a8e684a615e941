import { Client } from "pg";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RegionRow } from "../../../coordinator/http/api-types.ts";
import type { Result } from "../../../shared/result.ts";
import { findChromium, startBrowser, type TestBrowser } from "../../support/browser.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

const chromium = findChromium();
if (chromium === null) console.log("The dashboard is not tested: no chromium on the PATH (apt-get install chromium)");

const longName = "W".repeat(150);
const hostileName = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
const hostileMessage = `"><svg onload=alert(3)> ${"x".repeat(300)}`;

const good: Partial<Result> = {
  latencyMs: 84.1,
  phases: { dnsMs: 3.1, connectMs: 20.4, tlsMs: 22, firstByteMs: 37.9, transferMs: 0.7 },
  statusCode: 200,
};
const refused: Partial<Result> = {
  status: "down",
  latencyMs: 2,
  phases: { connectMs: 2 },
  address: null,
  error: { code: "connect_refused", message: hostileMessage },
};

describe.skipIf(chromium === null)("the dashboard in a browser", () => {
  let coordinator: TestCoordinator;
  const ids = new Map<string, string>();
  let agents: Readonly<Record<"eu-west" | "us-east", HandAgent>>;
  let browser: TestBrowser;
  let context: BrowserContext;
  let page: Page;
  /** What the console said, but for the browser's own note on an answer that is no success. */
  const complaints: string[] = [];

  beforeAll(async () => {
    [coordinator, browser] = await Promise.all([startTestCoordinator(), startBrowser(chromium as string)]);
    const [eu, us] = await Promise.all([
      startHandAgent(coordinator, "eu-west"),
      startHandAgent(coordinator, "us-east"),
    ]);
    agents = { "eu-west": eu, "us-east": us };
    await until(
      () => coordinator.call("GET", "/v1/regions"),
      ({ body }) => body.data.filter((region: RegionRow) => region.agents.online === 1).length === 2,
    );
    const many = Array.from({ length: 60 }, (_, attempt) => ({ ...good, attempt }));
    const made = await Promise.all([
      monitorWith("Apple", { "eu-west": [good], "us-east": [good] }),
      monitorWith("Changing", { "eu-west": [good], "us-east": [good] }),
      monitorWith("Detailed", { "eu-west": many, "us-east": [refused] }),
      monitorWith("Temporary", { "eu-west": [good], "us-east": [good] }),
      monitorWith(hostileName, { "eu-west": [refused], "us-east": [refused] }),
      monitorWith(longName, { "eu-west": [good], "us-east": [refused] }),
      monitorWith("Zebra", { "eu-west": [refused], "us-east": [refused] }),
    ]);
    for (const { name, id } of made) ids.set(name, id);
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all(Object.values(agents ?? {}).map((agent) => agent.stop()));
    await coordinator?.stop();
  });

  beforeEach(async () => {
    context = await browser.newContext();
    await context.addInitScript(`
      addEventListener("securitypolicyviolation", (event) => console.error("refused by " + event.violatedDirective));
    `);
    page = await openTab();
  });
  afterEach(async () => {
    await context?.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  async function openTab(): Promise<Page> {
    const tab = await context.newPage();
    tab.setDefaultTimeout(20_000);
    tab.on("pageerror", (thrown) => complaints.push(String(thrown)));
    tab.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
    tab.on("console", (message) => {
      const isOfAnswer = message.text().startsWith("Failed to load resource: ");
      if (["error", "warning"].includes(message.type()) && !isOfAnswer) complaints.push(message.text());
    });
    return tab;
  }

  /** A monitor that both regions have checked, and found so. */
  async function monitorWith(name: string, found: { readonly [Region in keyof typeof agents]: Partial<Result>[] }) {
    const { body } = await coordinator.call("POST", "/v1/monitors", {
      name,
      type: "http",
      interval: "1h",
      http: { url: "https://shop.example/health" },
      assertions: [{ source: "latencyMs", op: "lt", value: 800, level: "degraded" }],
    });
    for (const [region, results] of Object.entries(found) as Array<[keyof typeof agents, Partial<Result>[]]>) {
      const agent = agents[region];
      const check = await until(
        () => agent.checks.find(({ monitorId }) => monitorId === body.id),
        (check) => check,
      );
      await agent.answer(check as NonNullable<typeof check>, ...results);
    }
    const regions = Object.keys(found).length;
    await until(
      async () => (await coordinator.call("GET", `/v1/monitors/${body.id}`)).body.status,
      (status) => Object.keys(status.regions).length === regions && status.verdict !== "unknown",
    );
    return body as { id: string; name: string };
  }

  const signIn = (tab = page) => tab.goto(`${coordinator.url}/#token=${adminToken}`);
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  /** Waits until something on the page says this. */
  const says = (text: string) => page.getByText(text).first().waitFor();
  /** What people read, with single spaces. */
  /** Messages about an incident, as they are kept. */
  async function onDatabase(act: (database: Client) => Promise<unknown>): Promise<void> {
    const database = new Client({ connectionString: coordinator.databaseUrl });
    await database.connect();
    await act(database).finally(() => database.end());
  }

  const tellNobody = () => onDatabase((database) => database.query("DELETE FROM channels WHERE id = 'chn_i'"));
  const tellOf = (incident: string) => onDatabase((database) => insertMessages(database, incident));

  async function insertMessages(database: Client, incident: string): Promise<void> {
    await database.query(
      "INSERT INTO channels (id, name, type, settings) VALUES ('chn_i', '<i>Ops</i>', 'slack', '{}')",
    );
    await database.query(
      `INSERT INTO deliveries (id, channel_id, incident_id, event, state, due_at, attempts, repeat, content, last_error, ended_at)
       VALUES ('dlv_i', 'chn_i', $1, 'down', 'uncertain', now(), 1, 0, '{}', 'no answer', now()),
              ('dlv_j', 'chn_i', $1, 'down', 'sent', now(), 2, 1, '{}', NULL, now() + interval '1 s')`,
      [incident],
    );
  }

  const read = async (element: Locator) => (await element.allInnerTexts()).join(" ").replace(/\s+/g, " ").trim();

  test("a wrong token is refused in words, the right one opens the overview and is kept by the tab", async () => {
    await page.goto(coordinator.url);
    await page.getByLabel("Admin token").fill("wrong-token-of-some-length");
    await page.keyboard.press("Enter");
    await says("This token is not accepted.");
    await page.getByLabel("Admin token").fill(adminToken);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Monitors" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Monitors" }).waitFor();
    expect(await context.storageState()).toEqual({ cookies: [], origins: [] });

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Admin token").waitFor();
    await page.reload();
    await page.getByLabel("Admin token").waitFor();
  });

  test("a link with the token signs in and leaves no token in the address or the history", async () => {
    await signIn();
    await page.getByRole("heading", { name: "Monitors" }).waitFor();
    expect(page.url()).toBe(`${coordinator.url}/`);
    await page.goto(`${coordinator.url}/#/monitors/mon_none`);
    await says("There is no such monitor");
    await page.goBack();
    expect(page.url()).toBe(`${coordinator.url}/`);
  });

  test("a token that is no longer accepted asks for another one", async () => {
    await page.goto(`${coordinator.url}/#token=old-token-of-some-length`);
    await says("The token is not accepted");
    await page.getByLabel("Admin token").waitFor();
  });

  test("the overview shows what each region sees, what is down first, and in words", async () => {
    await signIn();
    const rows = page.locator("tbody tr");
    await rows.nth(1).waitFor();
    expect(await page.getByRole("columnheader").allInnerTexts()).toEqual([
      "Verdict",
      "Monitor",
      "Last 24 hours",
      "eu-west",
      "us-east",
      "Actions",
    ]);
    expect(await rows.getByRole("rowheader").getByRole("link").allInnerTexts()).toEqual([
      hostileName,
      "Zebra",
      "Detailed",
      longName,
      "Apple",
      "Changing",
      "Temporary",
    ]);
    // The last 24 hours come after the rows, and all at once.
    await row("Apple").locator(".hours").waitFor();
    expect(await read(row("Zebra"))).toMatch(
      /^Down for \d+ s Zebra HTTP \S+ 0\.00 % Down: connection refused 2\.0 ms · /,
    );
    expect(await read(row("Apple"))).toMatch(
      /^Up for \d+ s Apple HTTP https:\/\/shop\.example\/health 100 % Up: 84 ms (now|\d+ s ago) Up: 84 ms/,
    );
    const day = row("Zebra").getByRole("cell").nth(1);
    expect(await day.getAttribute("title")).toBe("Uptime over the last 24 hours 0.00 %, down in 1 of 24 hours");
    expect(await day.locator("path.down").count()).toBe(1);
    const cell = row("Zebra").getByRole("cell").nth(2);
    expect(await cell.getAttribute("title")).toContain(`connect_refused: ${hostileMessage}`);
    expect(await read(page.getByRole("list", { name: "Monitors by verdict" }))).toBe("2 down 2 degraded 3 up");
    expect(await read(page.locator(".regions"))).toBe("Regions eu-west 1 agent us-east 1 agent");
    expect(await page.title()).toBe("(2 down) Watchpost");

    await page.getByRole("searchbox").fill("apple UP");
    await until(
      () => rows.count(),
      (count) => count === 1,
    );
    await page.getByRole("searchbox").fill("nothing like it");
    await says("No monitor matches “nothing like it”.");
  });

  test("monitors are shown by verdict and by tag, as the address says", async () => {
    await coordinator.call("PATCH", `/v1/monitors/${ids.get("Temporary")}`, { tags: ["animals", "stripes"] });
    await signIn();
    const names = page.locator("tbody").getByRole("rowheader").locator("a:not(.tag)");
    await row("Temporary").getByRole("link", { name: "stripes" }).click();
    await until(
      () => names.allInnerTexts(),
      (shown) => shown.join() === "Temporary",
    );
    expect(new URL(page.url()).hash).toBe("#/?filter=stripes");
    await page.getByRole("searchbox").fill("");
    const down = page.getByRole("button", { name: "2 down" });
    await down.focus();
    await page.keyboard.press("Space");
    expect(await names.allInnerTexts()).toEqual([hostileName, "Zebra"]);
    expect(await down.getAttribute("aria-pressed")).toBe("true");

    await page.reload();
    await until(
      () => names.allInnerTexts(),
      (shown) => shown.length === 2,
    );
    await page.getByRole("searchbox").fill("apple");
    await says("No monitor is down and matches “apple”.");
    await page.getByRole("link", { name: "Show all" }).click();
    await until(
      () => names.count(),
      (count) => count === ids.size,
    );
  });

  test("every page's title and icon say how many monitors are down", async () => {
    const icon = () => page.locator('link[rel="icon"]').getAttribute("href");
    await signIn();
    await row("Zebra").waitFor();
    expect(await page.title()).toBe("(2 down) Watchpost");
    expect(await icon()).toBe("/icon.svg?down=2");
    await page.getByRole("link", { name: "Agents" }).click();
    await until(
      () => page.title(),
      (title) => title === "(2 down) Agents · Watchpost",
    );
    await page.getByRole("button", { name: "Sign out" }).click();
    expect(await page.title()).toBe("Sign in · Watchpost");
    expect(await icon()).toMatch(/icon\.svg$/);
  });

  test("a monitor is added: what is wrong stands beside its field, and what is right appears", async () => {
    await signIn();
    await page.getByRole("button", { name: "Add monitor" }).click();
    const dialog = page.getByRole("dialog");
    const field = (label: string) => dialog.getByLabel(label, { exact: true });
    await field("URL").fill("ftp://shop.example");
    await field("Interval").fill("soon");
    await dialog.getByRole("button", { name: "Add" }).click();
    await says("Must be an http:// or https:// URL");
    for (const [label, rule] of [
      ["Name", "Must not be empty"],
      ["URL", "Must be an http:// or https:// URL"],
      ["Interval", "Must be a number of seconds or text such as 500ms, 30s, 5m, 1h"],
    ] as const) {
      expect(await field(label).getAttribute("aria-invalid")).toBe("true");
      const [errorId] = ((await field(label).getAttribute("aria-describedby")) ?? "").split(" ");
      expect(await read(dialog.locator(`#${errorId}`))).toBe(rule);
    }
    expect(await field("Name").evaluate((input) => input.matches(":focus"))).toBe(true);

    await field("Name").fill("Added");
    await dialog.getByText("TCP").click();
    await field("Host and port").fill("db.example");
    await field("Interval").fill("1h");
    await dialog.getByRole("button", { name: "Add" }).click();
    await says("Must be a host and a port, such as db.example:5432");
    await field("Host and port").fill("db.example:70000");
    await page.keyboard.press("Enter");
    await says("Must be from 1 to 65535");
    await field("Host and port").fill("db.example:5432");
    await page.keyboard.press("Enter");
    await row("Added").getByText("db.example:5432").waitFor();
    expect(await dialog.count()).toBe(0);
    const { body } = await coordinator.call("GET", "/v1/monitors?limit=1000");
    expect(body.data).toContainEqual(
      expect.objectContaining({
        name: "Added",
        type: "tcp",
        interval: "1h",
        tcp: expect.objectContaining({ port: 5432 }),
      }),
    );
  });

  test("a monitor is changed on its page; what the form does not ask for stays", async () => {
    const { body } = await coordinator.call("POST", "/v1/monitors", {
      name: "Before",
      type: "http",
      timeout: "5s",
      http: { url: "https://before.example/", method: "HEAD" },
    });
    await signIn();
    await row("Before").getByRole("link").click();
    await page.getByRole("button", { name: "Edit" }).click();
    const field = (label: string) => page.getByRole("dialog").getByLabel(label, { exact: true });
    expect(await field("URL").inputValue()).toBe("https://before.example/");
    await field("Name").fill("After");
    await field("Interval").fill("2s");
    await field("Tags").fill("production, <b>");
    await page.keyboard.press("Enter");
    await says("Must be at most the interval");
    await says("Must be 1 to 64 letters, digits");
    await field("Interval").fill("5m");
    await field("Tags").fill("production web");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "After" }).waitFor();
    expect((await coordinator.call("GET", `/v1/monitors/${body.id}`)).body).toMatchObject({
      name: "After",
      interval: "5m",
      timeout: "5s",
      tags: ["production", "web"],
      http: { url: "https://before.example/", method: "HEAD" },
    });
    await coordinator.call("DELETE", `/v1/monitors/${body.id}`);
  });

  test("a monitor is paused, resumed, and deleted once that is confirmed; the focus stays", async () => {
    await signIn();
    await row("Temporary").getByRole("button", { name: "Pause Temporary" }).press("Enter");
    await row("Temporary").getByText("Paused").waitFor();
    const resume = row("Temporary").getByRole("button", { name: "Resume Temporary" });
    expect(await resume.evaluate((button) => button.matches(":focus"))).toBe(true);
    await resume.click();
    await row("Temporary")
      .getByText(/Unknown|Up/)
      .waitFor();
    await row("Temporary").getByRole("button", { name: "Pause Temporary" }).waitFor();

    const remove = row("Temporary").getByRole("button", { name: "Delete Temporary" });
    await remove.click();
    await page.getByRole("dialog", { name: "Delete Temporary?" }).getByRole("button", { name: "Cancel" }).click();
    await remove.click();
    await page.keyboard.press("Escape");
    expect(await row("Temporary").count()).toBe(1);
    await remove.click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await row("Temporary").waitFor({ state: "detached" });
    const { body } = await coordinator.call("GET", "/v1/monitors?limit=1000");
    expect(body.data.map(({ name }: { name: string }) => name)).not.toContain("Temporary");
  });

  test("the detail page shows document, regions and results with their phases, by region and page by page", async () => {
    await signIn();
    await row("Detailed").getByRole("link").click();
    expect(page.url()).toBe(`${coordinator.url}/#/monitors/${ids.get("Detailed")}`);
    await page.locator(".results tbody tr").first().waitFor();

    expect(await read(page.locator(".facts"))).toMatch(
      /^HTTP GET https:\/\/shop\.example\/health Interval 1h, timeout 10s .*most regions fail.*latency < 800 ms, else degraded/,
    );
    expect(await page.locator(".places li").allInnerTexts()).toEqual([
      expect.stringMatching(/eu-west\s+Up:\s+84 ms/),
      expect.stringContaining(`connect_refused ${hostileMessage}`),
    ]);
    const rows = page.locator(".results tbody tr");
    expect(await rows.count()).toBe(50);
    await page.getByRole("combobox", { name: "Region" }).selectOption("us-east");
    await until(
      () => rows.count(),
      // It was asked again.
      (count) => count === 2,
    );
    expect(await read(rows.first())).toMatch(/ us-east Down 2\.0 ms 1\.0 ms EXTRA ?connect_refused "></);

    await page.getByRole("combobox", { name: "Region" }).selectOption("eu-west");
    await until(
      () => rows.count(),
      (count) => count === 50,
    );
    const bar = rows.first().locator(".bar");
    expect(await bar.getAttribute("aria-label")).toBe(
      "DNS 3.1 ms · Connect 20 ms · TLS 22 ms · First byte 38 ms · Transfer 0.70 ms",
    );
    const widths = await bar
      .locator("span")
      .evaluateAll((parts) => parts.map((part) => (part as unknown as { offsetWidth: number }).offsetWidth));
    expect(widths).toHaveLength(5);
    expect(widths.indexOf(Math.max(...widths))).toBe(3);

    await page.getByRole("button", { name: "Older" }).click();
    await until(
      () => rows.count(),
      (count) => count === 11,
    );
    expect(await page.getByRole("button", { name: "Older" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Newest" }).click();
    await until(
      () => rows.count(),
      (count) => count === 50,
    );
    await page.getByRole("main").getByRole("link", { name: "Monitors" }).click();
    await row("Detailed").waitFor();
  });

  test("open incidents stand above the monitors, and all of them on a page of their own, by state", async () => {
    await signIn();
    const section = page.getByRole("region", { name: "Open incidents" });
    await section.getByRole("link").first().waitFor();
    expect(await read(section)).toMatch(/^Open incidents( (Down|Degraded) .*? see it: .*? Open · for (\d+ \w+ ?)+)+/);
    await page.getByRole("navigation").getByRole("link", { name: "Incidents" }).click();
    await page.getByRole("heading", { name: "Incidents" }).waitFor();
    const cards = page.locator(".incident-card");
    const count = async () => (await coordinator.call("GET", "/v1/incidents?state=open")).body.data.length;
    await until(
      async () => [await cards.count(), await count()],
      ([shown, there]) => shown === there,
    );
    expect(await read(cards.filter({ hasText: "Zebra" }))).toMatch(
      /^Down Zebra Most regions see it: eu-west, us-east Open · for (\d+ \w+ ?)+$/,
    );
    await page.getByRole("combobox", { name: "State" }).selectOption("resolved");
    await until(
      () => cards.filter({ hasText: "Open" }).count(),
      (count) => count === 0,
    );
    await page.goto(`${coordinator.url}/#/incidents?monitor=${ids.get("Zebra")}`);
    await says("Show those of all monitors");
    expect(await cards.count()).toBe(1);
  });

  test("an incident's page shows what each region saw, and takes notes and an acknowledgement", async () => {
    await tellNobody();
    await signIn();
    await page.getByRole("heading", { name: "Monitors" }).waitFor();
    await page.goto(`${coordinator.url}/#/incidents?state=open`);
    await page.locator(".incident-card").filter({ hasText: "Zebra" }).click();
    await page.getByRole("heading", { name: "Zebra" }).waitFor();
    const rows = page.locator(".evidence tbody tr");
    expect(await rows.count()).toBe(2);
    expect(await read(rows.first())).toMatch(/^eu-west Down \S+ \S+ 2\.0 ms Connect \S+ connect_refused "></);
    expect(await read(page.locator(".facts"))).toMatch(/^Reach Most regions see it Started .* Confirmed .* s later/);
    expect(await read(page.locator(".course"))).toMatch(
      /Opened down, global, seen by eu-west, us-east.* First check that failed$/,
    );
    const messages = page.getByRole("region", { name: "Messages" });
    expect(await read(messages)).toBe("Messages Nobody was told of it. Rules and channels");
    await tellOf(page.url().split("/").at(-1) as string);
    await page.reload();
    await messages.getByText("May have arrived").waitFor();
    expect(await read(messages.locator("tbody tr"))).toMatch(
      /^<i>Ops<\/i> Slack down May have arrived no answer \S+ \S+ Retry <i>Ops<\/i> Slack down, reminder 1 Sent 2 tries \S+ \S+ .*decided$/,
    );

    await page.getByRole("button", { name: "Add note" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Add note" }).click();
    await dialog.locator(".field-error").getByText("must not be empty").waitFor();
    await dialog.getByLabel("Note").fill(hostileName);
    await dialog.getByLabel("Your name").fill("Ada");
    await page.keyboard.press("Enter");
    await page.locator(".course").getByText(`Ada: ${hostileName}`).waitFor();

    await page.getByRole("button", { name: "Acknowledge" }).click();
    expect(await dialog.getByLabel("Your name").inputValue()).toBe("Ada");
    await dialog.getByRole("button", { name: "Acknowledge" }).click();
    await page.locator(".course").getByText("by Ada").waitFor();
    expect(await page.getByRole("button", { name: "Acknowledge" }).count()).toBe(0);
    expect(await page.title()).toMatch(/^\(\d+ down\) Acknowledged: Zebra · Watchpost$/);
    await page.getByRole("heading").getByRole("link", { name: "Zebra" }).click();
    await page.locator(".incidents").getByText("Acknowledged").waitFor();
    await page.goto(`${coordinator.url}/#/incidents/inc_none`);
    await says("There is no such incident");
  });

  test("a monitor's page shows its uptime beside the coverage, and 90 days", async () => {
    await page.goto(`${coordinator.url}/#token=${adminToken}`);
    await row("Zebra").getByRole("link").click();
    const tiles = page.locator(".uptime .tile");
    await tiles.nth(3).waitFor();
    expect(await tiles.getByRole("heading").allInnerTexts()).toEqual(["24 hours", "7 days", "30 days", "90 days"]);
    expect(await read(tiles.first())).toMatch(
      /^24 hours \S+ % coverage \S+ 1 outage, (\d+ \w+ ?)+ down found in \S+ s$/,
    );
    expect(await page.locator(".uptime .day").count()).toBe(90);
    expect(await page.locator(".uptime .bars").getAttribute("aria-label")).toMatch(/^Last 90 days: down on 20\S+ \d+ /);
  });

  test("what changes is told at once, by a connection whose address has no token, and asked for where there is none", async () => {
    const heard: string[] = [];
    const addresses: string[] = [];
    page.on("websocket", (socket) => {
      addresses.push(socket.url());
      socket.on("framereceived", ({ payload }) => heard.push(JSON.parse(String(payload)).type));
    });
    const deaf = await openTab();
    await deaf.routeWebSocket(/live/, (socket) => socket.close());
    await signIn();
    await signIn(deaf);
    for (const tab of [page, deaf]) await tab.getByRole("row").filter({ hasText: "Apple" }).waitFor();
    const database = new Client({ connectionString: coordinator.databaseUrl });
    await database.connect();
    await database.query(
      "UPDATE monitor_status SET state = jsonb_set(state, '{flapping}', 'true') WHERE monitor_id = $1",
      [ids.get("Apple")],
    );
    await database.end();
    for (const tab of [page, deaf]) {
      await tab.getByRole("row").filter({ hasText: "Apple" }).getByText("flapping").waitFor();
    }
    expect(addresses).toEqual([`${coordinator.url.replace("http", "ws")}/v1/live`]);
    expect(heard).toEqual(expect.arrayContaining(["welcome", "verdict"]));
  });

  test("what others write is shown and never run", async () => {
    await signIn();
    await row(hostileName).getByRole("link").waitFor();
    await page.getByRole("button", { name: `Delete ${hostileName}` }).click();
    await page
      .getByRole("dialog", { name: `Delete ${hostileName}?` })
      .getByRole("button", { name: "Cancel" })
      .click();
    await page.goto(`${coordinator.url}/#/monitors/${ids.get(hostileName)}`);
    await page.getByRole("heading", { name: hostileName }).waitFor();
    await page.locator(".results").getByText(hostileMessage).first().waitFor();
    expect(await page.locator("main img, main script, main svg[onload]").count()).toBe(0);
  });

  test("a coordinator that does not answer is told of, with the age of what is shown, until it answers", async () => {
    await signIn();
    await row("Apple").waitFor();
    await context.setOffline(true);
    await says("The coordinator does not answer (no connection).");
    expect(await read(page.locator(".trouble"))).toMatch(/What is shown is \d+ s old\. Trying again\./);
    await row("Apple").waitFor();
    await page.getByRole("button", { name: "Try now" }).click();
    await says("Trying again.");
    // A browser that is on-line again tries by itself.
    await context.setOffline(false);
    await page.locator(".trouble").waitFor({ state: "hidden" });
  });

  test("a change of the verdict shows by itself and is announced", async () => {
    await signIn();
    await row("Changing").getByText("Up", { exact: true }).waitFor();
    for (const agent of Object.values(agents)) {
      const check = agent.checks.find(({ monitorId }) => monitorId === ids.get("Changing"));
      await agent.answer(check as NonNullable<typeof check>, { ...refused, attempt: 4_000_000_000 });
    }
    await row("Changing").getByText("Down", { exact: true }).waitFor();
    await until(
      () => page.getByRole("status").textContent(),
      (text) => text === "Changing: Down.",
    );
  });

  test("ages are kept in sight, and not far out of it", async () => {
    await page.setViewportSize({ width: 1440, height: 100 });
    await signIn();
    const last = page.locator(".monitors tbody tr").last();
    await until(
      () => last.getAttribute("data-away"),
      (away) => away === "",
    );
    const age = () => last.locator("time").first().textContent();
    const before = await age();
    await last.scrollIntoViewIfNeeded();
    await until(age, (now) => now !== before);
  });

  test("it fits a narrow phone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await signIn();
    await row(longName).getByRole("link").waitFor();
    const overflow = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(await overflow()).toBe(0);
    await page.goto(`${coordinator.url}/#/monitors/${ids.get(longName)}`);
    await page.locator(".results tbody tr").first().waitFor();
    await page.locator(".uptime .tile").first().waitFor();
    expect(await overflow()).toBe(0);
    await page.goto(`${coordinator.url}/#/incidents`);
    await page.locator(".incident-card").filter({ hasText: longName }).click();
    await page.locator(".evidence tbody tr").first().waitFor();
    expect(await overflow()).toBe(0);
    await page.getByRole("link", { name: "Incidents" }).first().click();
    await page.locator(".incident-card").first().waitFor();
    expect(await overflow()).toBe(0);
  });
});
