import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settingLabel } from "../../../coordinator/dashboard/setting-label.ts";
import { signatureOf } from "../../../coordinator/notify/channels/webhook.ts";
import { findChromium, startBrowser, type TestBrowser } from "../../support/browser.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import type { Receiver } from "../../support/receiver.ts";
import { startReceiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

const chromium = findChromium();
const hostile = `<img src=x onerror="alert(1)">`;

test.each([
  ["serverUrl", "Server URL"],
  ["roomId", "Room ID"],
  ["to", "To"],
  ["accountSid", "Account SID"],
])("the setting %s is called %s", (name, label) => {
  expect(settingLabel(name)).toBe(label);
});

describe.skipIf(chromium === null)("alerts on the dashboard", () => {
  let coordinator: TestCoordinator;
  let receiver: Receiver;
  let browser: TestBrowser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    [coordinator, receiver, browser] = await Promise.all([
      startTestCoordinator(),
      startReceiver(),
      startBrowser(chromium as string),
    ]);
    const tcp = { name: "Shop", type: "tcp", interval: "1h", tags: ["shop"], tcp: { host: "127.0.0.1", port: 9 } };
    await coordinator.call("POST", "/v1/monitors", tcp);
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (thrown) => complaints.push(String(thrown)));
    page.on("dialog", (dialog) => complaints.push(dialog.message()));
    page.on("console", (message) => {
      const isOfAnswer = message.text().startsWith("Failed to load resource: ");
      if (["error", "warning"].includes(message.type()) && !isOfAnswer) complaints.push(message.text());
    });
    await page.goto(`${coordinator.url}/#token=${adminToken}`);
  });
  afterAll(async () => {
    await browser?.close();
    await coordinator?.stop();
    await receiver?.stop();
    expect(complaints).toEqual([]);
  });

  const table = (name: string) => page.getByRole("table", { name });
  const row = (section: string, name: string) => table(section).getByRole("row").filter({ hasText: name });
  const field = (label: string) => page.getByRole("dialog").getByLabel(label, { exact: true });
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
  /** What people read, with single spaces. */
  const read = async (element: Locator) => (await element.allInnerTexts()).join(" ").replace(/\s+/g, " ").trim();
  const advice = () => page.getByText("Nobody is told when something is down");

  test("the overview says that nobody is told, and leads to where that is changed", async () => {
    await advice().waitFor();
    await page.getByRole("link", { name: "Set up alerts" }).click();
    await page.getByRole("heading", { name: "Alerts" }).waitFor();
    await page.getByText("There are no rules, so nobody is told of anything.").waitFor();
    expect(await page.title()).toBe("Alerts · Watchpost");
  });

  test("a channel is added by what its type asks for, and what is wrong stands beside its field", async () => {
    await press("Add channel");
    await field("Type").selectOption("email");
    expect(await field("Port").inputValue()).toBe("587");
    expect(await field("Security").inputValue()).toBe("starttls");
    expect(await field("Password").getAttribute("type")).toBe("password");
    await field("Name").fill(`Phone ${hostile}`);
    await field("Host").fill("mail.example");
    await field("From").fill("watch@example.org");
    await field("To").fill("ada@example.org, not an address");
    await page.keyboard.press("Enter");
    await page.getByText("Must be an e-mail address").first().waitFor();
    expect(await field("To").getAttribute("aria-invalid")).toBe("true");

    await field("Type").selectOption("ntfy");
    await field("Server URL").fill(receiver.url);
    await field("Topic").fill("not a topic");
    expect(await field("Topic").getAttribute("type")).toBe("password");
    await page.keyboard.press("Enter");
    await page.getByText("Must be 1 to 64 letters, digits, _ or -").waitFor();
    expect(await field("Topic").evaluate((input) => input.matches(":focus"))).toBe(true);
    await field("Topic").fill("a-hidden-topic");
    await page.keyboard.press("Enter");
    await row("Channels", `Phone ${hostile}`).waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    const { body } = await coordinator.call("GET", "/v1/channels");
    expect(body.data).toMatchObject([{ type: "ntfy", settings: { serverUrl: receiver.url, topic: "***" } }]);
  });

  test("settings of every form reach the API as they are meant", async () => {
    await press("Add channel");
    await field("Name").fill("Program");
    await field("Type").selectOption("webhook");
    await field("URL").fill(`${receiver.url}/hook`);
    const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    await field("Secrets").fill(`${secret}, ${secret.toLowerCase().replace("a", "B")}`);
    await field("Headers").fill("x-team: shop: and more\nx-other: 1");
    await press("Add");
    await row("Channels", "Program").waitFor();
    await press("Test Program");
    await row("Channels", "Program").getByText("Sent", { exact: true }).waitFor();
    expect(receiver.received.at(-1)).toMatchObject({ path: "/hook", body: { type: "test" } });
  });

  test("a test says what became of it: sent, or why not", async () => {
    const phone = row("Channels", "Phone");
    const button = phone.getByRole("button", { name: /^Test / });
    await button.press("Enter");
    await phone.getByText("Sent", { exact: true }).waitFor();
    expect(await button.evaluate((element) => element.matches(":focus"))).toBe(true);
    receiver.answerWith(403);
    await button.click();
    await phone.getByText(/^Not sent: .*403/).waitFor();
    if (process.env.TEST_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.TEST_SCREENSHOTS}/alerts-test.png` });
    receiver.answerWith(200);
    await button.click();
    await phone.getByText("Sent", { exact: true }).waitFor();
  });

  test("what failed comes first with its reason, and is sent again", async () => {
    // The failed one is not the latest.
    await until(
      () => table("Deliveries").locator("tbody tr").count(),
      (count) => count === 4,
    );
    const first = table("Deliveries").locator("tbody tr").first();
    expect(await read(first)).toMatch(/Failed .*403/);
    receiver.answerWith(200);
    const before = receiver.received.length;
    await first.getByRole("button", { name: /^Retry / }).click();
    await receiver.hears(before + 1);
    await until(
      () => row("Deliveries", "Failed").count(),
      (count) => count === 0,
    );
  });

  test("a channel is edited: hidden secrets stay, and are asked for where they would go elsewhere", async () => {
    await page.getByRole("button", { name: /^Edit Phone/ }).click();
    expect(await field("Name").inputValue()).toBe(`Phone ${hostile}`);
    expect(await field("Type").isDisabled()).toBe(true);
    expect(await field("Server URL").inputValue()).toBe(receiver.url);
    expect(await field("Topic").inputValue()).toBe("");
    await page.getByText("Left empty, it stays as it is", { exact: false }).first().waitFor();
    await field("Server URL").fill("https://ntfy.example");
    await press("Save");
    await page.getByText("Must be given again, because serverUrl changed").waitFor();
    await field("Server URL").fill(receiver.url);
    await field("Name").fill(`Phone 2 ${hostile}`);
    await page.getByRole("dialog").getByLabel("Switched on").uncheck();
    if (process.env.TEST_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.TEST_SCREENSHOTS}/alerts-edit.png` });
    await press("Save");
    await row("Channels", "Phone 2").getByText("switched off").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.getByRole("button", { name: /^Edit Phone 2/ }).click();
    await field("Name").fill(`Phone ${hostile}`);
    await page.getByRole("dialog").getByLabel("Switched on").check();
    await press("Save");
    await page.getByRole("button", { name: `Edit Phone ${hostile}`, exact: true }).waitFor();
    await row("Channels", "Phone")
      .getByRole("button", { name: /^Test / })
      .click();
    await row("Channels", "Phone").getByText("Sent", { exact: true }).waitFor();
    expect(receiver.received.at(-1)?.body).toMatchObject({ topic: "a-hidden-topic" });
  });

  test("a webhook's secret is made on the page, shown to be copied, and what requests are signed with", async () => {
    await press("Add channel");
    await field("Name").fill("Signed");
    await field("Type").selectOption("webhook");
    await field("URL").fill(`${receiver.url}/signed`);
    await press("Make a secret");
    const shown = field("The new secret");
    const replaced = await read(shown);
    await page.getByRole("button", { name: "Make a secret" }).press("Enter");
    expect(await shown.evaluate((element) => element.matches(":focus"))).toBe(true);
    const secret = await page.evaluate("getSelection().toString()");
    expect(secret).toBe(await read(shown));
    expect(secret).not.toBe(replaced);
    expect(await field("Secrets").inputValue()).toBe(secret);
    expect(await field("Secrets").getAttribute("type")).toBe("password");
    if (process.env.TEST_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.TEST_SCREENSHOTS}/alerts-secret.png` });
    await press("Add");
    await row("Channels", "Signed").waitFor();
    expect(await page.content()).not.toContain(secret);
    await press("Test Signed");
    await row("Channels", "Signed").getByText("Sent", { exact: true }).waitFor();
    const { headers, body } = receiver.received.find(({ path }) => path === "/signed") as any;
    const [id, timestamp] = [headers["webhook-id"], headers["webhook-timestamp"]];
    expect(headers["webhook-signature"]).toBe(signatureOf(secret as string, id, timestamp, JSON.stringify(body)));
    await coordinator.call(
      "DELETE",
      `/v1/channels/${(await coordinator.call("GET", "/v1/channels")).body.data.at(-1).id}`,
    );
  });

  test("a secret that need not be there is taken away", async () => {
    await page.getByRole("button", { name: "Edit Program", exact: true }).click();
    await field("Headers").fill("-");
    await press("Save");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await press("Test Program");
    await row("Channels", "Program").getByText("Sent", { exact: true }).waitFor();
    const [{ headers: before }, { headers: now }] = receiver.received.filter(({ path }) => path === "/hook") as [
      any,
      any,
    ];
    expect(before["x-team"]).toBe("shop: and more");
    expect(now).not.toHaveProperty("x-team");
  });

  test("a rule is added and in force, shown in words, and deleted", async () => {
    await press("Add rule");
    await field("Name").fill("Outages");
    await field("Monitor").fill("Nobody");
    await page.keyboard.press("Enter");
    await page.getByText("Choose a channel to tell people by.").waitFor();
    await page.getByText("No monitor has this name").waitFor();
    await field("Monitor").fill("Shop");
    await page.getByRole("group", { name: "Channels" }).getByRole("checkbox", { name: "Phone" }).check();
    await page.getByRole("checkbox", { name: "degraded" }).check();
    await field("Delay").fill("soon");
    await page.keyboard.press("Enter");
    await page.getByText(/^Must be from 0\w+ to /).waitFor();
    await field("Delay").fill("30s");
    await field("Repeat").fill("1h");
    await field("Quiet from").fill("22:00");
    await field("Quiet to").fill("22:00");
    await field("Time zone").fill("Europe/Berlin");
    await press("Tell others later");
    const second = page.getByRole("group", { name: "Step 2" });
    const after = second.getByLabel("If it goes on for", { exact: true });
    await second.getByRole("checkbox", { name: "Phone" }).check();
    await after.fill("0s");
    await page.keyboard.press("Enter");
    await page.getByText("Must differ from its beginning").waitFor();
    await page.getByText("Must be later than the step before").waitFor();
    await field("Quiet to").fill("07:00");
    await after.fill("20m");
    await page.keyboard.press("Enter");
    await row("Rules", "Outages").waitFor();
    expect(await read(row("Rules", "Outages"))).toMatch(
      /^Outages after 30s, again every 1h.* Phone.*; Phone.* after 20m.* down, up again, degraded Shop Edit$/,
    );
    const [made] = (await coordinator.call("GET", "/v1/alert-rules")).body.data;
    expect(made).toMatchObject({
      quietHours: { from: "22:00", to: "07:00", timeZone: "Europe/Berlin" },
      steps: [{ after: "0ms" }, { after: "20m" }],
    });
    const { id, ...document } = made;
    // What a form that is only looked at saves is what was there.
    await press("Edit Outages");
    expect(await page.getByRole("group", { name: "Step 2" }).getByRole("checkbox", { name: "Phone" }).isChecked()).toBe(
      true,
    );
    await press("Save");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect((await coordinator.call("GET", `/v1/alert-rules/${id}`)).body).toEqual({ id, ...document });
    expect(await page.getByRole("button", { name: "Edit Outages" }).evaluate((e) => e.matches(":focus"))).toBe(true);

    await page.getByRole("link", { name: "Monitors" }).click();
    await page.getByRole("heading", { name: "Monitors" }).waitFor();
    await page.getByRole("row").filter({ hasText: "Shop" }).waitFor();
    expect(await advice().isVisible()).toBe(false);

    await page.getByRole("link", { name: "Alerts" }).click();
    await press("Delete Outages");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There are no rules, so nobody is told of anything.").waitFor();
    expect((await coordinator.call("GET", "/v1/alert-rules")).body.data).toEqual([]);
  });

  test("every field of a rule is asked for, and stands as it is when the rule is edited", async () => {
    const other = { name: "Other", type: "tcp", interval: "1h", tcp: { host: "127.0.0.1", port: 9 } };
    const { body: second } = await coordinator.call("POST", "/v1/monitors", other);
    const gone = "mon_00000000000000000000";
    const [phone, program] = (await coordinator.call("GET", "/v1/channels")).body.data;
    const [shop] = (await coordinator.call("GET", "/v1/monitors")).body.data.filter(
      ({ name }: { name: string }) => name === "Shop",
    );
    const afters = ["5m", "10m", "15m", "20m", "25m", "30m", "35m", "40m", "45m", "50m"];
    const rule = {
      name: "Whole",
      enabled: false,
      events: ["up", "no_data"],
      monitors: [shop.id, gone],
      tags: ["a b", "c"],
      types: ["tcp", "quic"],
      delay: "30s",
      group: "0ms",
      repeat: null,
      quietHours: { timeZone: "Asia/Tokyo", from: "22:00", to: "06:00", days: ["mon"] },
      urgent: [],
      steps: afters.map((after) => ({ after, channels: [phone.id] })),
    };
    const { body } = await coordinator.call("POST", "/v1/alert-rules", rule);
    await press("Edit Whole");
    await press("Save");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const stored = async () => (await coordinator.call("GET", `/v1/alert-rules/${body.id}`)).body;
    expect(await stored()).toEqual(body);

    await press("Edit Whole");
    const dialog = page.getByRole("dialog");
    const box = (group: string, name: string) =>
      dialog.getByRole("group", { name: group, exact: true }).getByRole("checkbox", { name, exact: true });
    await press(`Remove ${gone} (deleted)`);
    expect(await field("Monitor").evaluate((input) => input.matches(":focus"))).toBe(true);
    await field("Monitor").fill("Nobody");
    await press("Add another");
    await page.getByText("No monitor has this name").waitFor();
    await field("Monitor").fill("Other");
    await press("Add another");
    await page.getByRole("listitem").filter({ hasText: "Other" }).waitFor();
    await box("Types of monitors", "quic").uncheck();
    const quietDays = dialog.getByRole("group", { name: "Quiet hours begin on" });
    await quietDays.getByText("Mon", { exact: true }).click();
    await box("Urgent", "warning").check();
    await dialog.getByLabel("Switched on").check();
    await field("Group").fill("11m");
    for (let n = afters.length; n > 2; n--) await press("Remove the last step");
    const first = dialog.getByRole("group", { name: "Channels" });
    await first.getByRole("checkbox", { name: phone.name }).uncheck();
    await page.keyboard.press("Enter");
    await page.getByText("Choose a channel to tell people by.").waitFor();
    expect(
      await first
        .getByRole("checkbox")
        .first()
        .evaluate((input) => input.matches(":focus")),
    ).toBe(true);
    await first.getByRole("checkbox", { name: program.name }).check();
    await press("Save");
    await page.getByText(/^Must be from 0\w+ to 10m/).waitFor();
    expect(await read(quietDays)).toMatch(/Must not be empty$/);
    await field("Group").fill("1m");
    await quietDays.getByText("Sun", { exact: true }).click();
    await press("Save");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await stored()).toEqual({
      ...body,
      enabled: true,
      monitors: [shop.id, second.id],
      types: ["tcp"],
      group: "1m",
      quietHours: { ...rule.quietHours, days: ["sun"] },
      urgent: ["warning"],
      steps: [
        { after: "5m", channels: [program.id] },
        { after: "10m", channels: [phone.id] },
      ],
    });
    await coordinator.call("DELETE", `/v1/alert-rules/${body.id}`);
    await row("Rules", "Whole").waitFor({ state: "detached" });
  });

  test("a form that is asked for before the page is loaded opens as soon as it is", async () => {
    let [isAsked, answer] = [false, () => {}];
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/v1/channel-types*", async (route) => {
      isAsked = true;
      await answered;
      await route.continue();
    });
    await page.reload();
    await press("Add rule");
    await press("Add channel");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await expect.poll(() => isAsked).toBe(true);
    answer();
    await page.getByRole("dialog", { name: "Add a channel" }).waitFor();
    await field("Type").selectOption("email");
    await page.keyboard.press("Escape");
  });

  test("the page and its dialogs fit a phone and a desk, in light and dark", async () => {
    const [{ id }] = (await coordinator.call("GET", "/v1/channels")).body.data;
    const rule = { name: "W".repeat(120), steps: [{ channels: [id] }] };
    await coordinator.call("POST", "/v1/alert-rules", rule);
    receiver.answerWith(403);
    await coordinator.call("POST", `/v1/channels/${id}/test`, {});
    await row("Deliveries", "Failed").waitFor();
    await row("Rules", "WWW").waitFor();
    const look = async (name: string) => {
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      const folder = process.env.TEST_SCREENSHOTS;
      if (folder) await page.screenshot({ path: `${folder}/alerts-${name}.png`, fullPage: true });
    };
    for (const [width, colorScheme] of [
      [360, "light"],
      [1_280, "dark"],
    ] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      await look(`${width}`);
      await press("Add channel");
      await field("Type").selectOption("email");
      await look(`channel-${width}`);
      await page.keyboard.press("Escape");
      await press("Add rule");
      await press("Tell others later");
      await look(`rule-${width}`);
      await page.keyboard.press("Escape");
    }
  });
});
