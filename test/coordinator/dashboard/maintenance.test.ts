import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium, startBrowser, type TestBrowser } from "../../support/browser.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";

const chromium = findChromium();

describe.skipIf(chromium === null)("maintenance on the dashboard", () => {
  let coordinator: TestCoordinator;
  let browser: TestBrowser;
  let page: Page;
  let monitorId: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    [coordinator, browser] = await Promise.all([startTestCoordinator(), startBrowser(chromium as string)]);
    const tcp = { name: "Shop", type: "tcp", interval: "1h", tags: ["shop"], tcp: { host: "127.0.0.1", port: 9 } };
    monitorId = (await coordinator.call("POST", "/v1/monitors", tcp)).body.id;
    page = await (await browser.newContext({ timezoneId: "Europe/Berlin" })).newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (thrown) => complaints.push(String(thrown)));
    await page.goto(`${coordinator.url}/#token=${adminToken}`);
  });
  afterAll(async () => {
    await browser?.close();
    await coordinator?.stop();
    expect(complaints).toEqual([]);
  });

  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  const field = (label: string) => page.getByRole("dialog").getByLabel(label, { exact: true });
  const stored = async (name: string) =>
    (await coordinator.call("GET", "/v1/maintenance")).body.data.find(
      (window: { name: string }) => window.name === name,
    );

  test("a window is added for once, shown on its monitor with its reason, and deleted", async () => {
    await page.getByRole("link", { name: "Maintenance" }).click();
    await page.getByText("There are no windows.").waitFor();
    await page.getByRole("button", { name: "Add window" }).click();
    await field("Monitor").fill("Nobody");
    await page.keyboard.press("Enter");
    await page.getByText("No monitor has this name").waitFor();
    await field("Monitor").fill("Shop");
    await field("From").first().fill("2026-01-31T12:00");
    await field("To").first().fill("2026-01-31T11:00");
    await page.keyboard.press("Enter");
    await page.getByText("Must not be empty").waitFor();
    await field("Name").fill("Moving");
    await field("Reason").fill("new <b>rack</b>");
    await page.keyboard.press("Enter");
    await page.getByText("Must be later than its beginning").waitFor();
    await field("To").first().fill("2126-01-31T11:00");
    await page.keyboard.press("Enter");
    await row("Moving").getByText("now, until 2126-01-31 11:00:00").waitFor();
    expect(await stored("Moving")).toMatchObject({
      monitors: [monitorId],
      when: { once: { from: "2026-01-31T11:00:00.000Z", to: "2126-01-31T10:00:00.000Z" } },
    });

    await page.goto(`${coordinator.url}/#/monitors/${monitorId}`);
    await page.getByText("Moving (new <b>rack</b>), until 2126-01-31 11:00:00").waitFor();
    await page.getByRole("link", { name: "All windows" }).click();
    await page.getByRole("button", { name: "Delete Moving" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There are no windows.").waitFor();
    expect(await stored("Moving")).toBeUndefined();
  });

  test("a window is added for every week, in the browser's time zone", async () => {
    await page.getByRole("button", { name: "Add window" }).click();
    await field("Name").fill("Nights");
    await field("Tags").fill("shop, database");
    await page.getByRole("dialog").getByText("Every week").click();
    await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
    const days = page.getByRole("group", { name: "Begins on" });
    await days.getByText("Must name a day").waitFor();
    expect(await days.getByRole("checkbox").first().getAttribute("aria-invalid")).toBe("true");
    await page.getByRole("dialog").getByText("Sat", { exact: true }).click();
    await page.getByRole("dialog").getByText("Sun", { exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
    await row("Nights").getByText("sat, sun 22:00 to 04:00 (Europe/Berlin)").waitFor();
    await row("Nights").getByText("tagged shop, database").waitFor();
    expect(await stored("Nights")).toMatchObject({
      tags: ["shop", "database"],
      when: { weekly: { days: ["sat", "sun"], from: "22:00", to: "04:00", timeZone: "Europe/Berlin" } },
    });
  });

  test("a window is added by a cron expression, with its errors at their fields", async () => {
    await page.getByRole("button", { name: "Add window" }).click();
    const dialog = page.getByRole("dialog");
    await field("Name").fill("First Sundays");
    await dialog.getByText("Cron", { exact: true }).click();
    await field("Cron expression").fill("0 3 1-7 * 8");
    await field("Duration").fill("8d");
    await field("Time zone").fill("Mars/Olympus");
    await page.keyboard.press("Enter");
    await page.getByText(/^Must be five cron fields/).waitFor();
    await page.getByText(/^Must be from 1m to 7d/).waitFor();
    await page.getByText("Must be a time zone such as Europe/Berlin").waitFor();
    await field("Cron expression").fill("0 3 1-7 * 0");
    await field("Duration").fill("90m");
    await field("Time zone").fill("America/New_York");
    await page.keyboard.press("Enter");
    await row("First Sundays").getByText("cron 0 3 1-7 * 0 for 90m (America/New_York)").waitFor();
    expect(await stored("First Sundays")).toMatchObject({
      monitors: [],
      when: { cron: { expression: "0 3 1-7 * 0", duration: "90m", timeZone: "America/New_York" } },
    });
  });

  test("a window is edited: what is not touched stays, and another way to say when takes the place of the first", async () => {
    const once = { from: "2126-01-31T11:00:12.345Z", to: "2126-01-31T12:00:00.000Z" };
    const document = { name: "Edited", monitors: [monitorId], types: ["tcp"], reason: "why", when: { once } };
    await coordinator.call("POST", "/v1/maintenance", document);
    const before = await stored("Edited");
    const edit = page.getByRole("button", { name: "Edit Edited" });
    await edit.click();
    expect(await field("From").first().inputValue()).toBe("2126-01-31T12:00");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await stored("Edited")).toEqual({ ...before, updatedAt: expect.any(String) });
    expect(await edit.evaluate((button) => button.matches(":focus"))).toBe(true);

    await edit.press("Enter");
    await page.getByRole("button", { name: "Remove Shop" }).click();
    await page.getByRole("dialog").getByLabel("Switched on").uncheck();
    await page.getByRole("dialog").getByText("Every week").click();
    await page.getByRole("dialog").getByText("Wed", { exact: true }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await row("Edited").getByText("wed 22:00 to 04:00 (Europe/Berlin)").waitFor();
    await row("Edited").getByText("switched off").waitFor();
    const { when, monitors, types, enabled } = await stored("Edited");
    expect({ when, monitors, types, enabled }).toEqual({
      when: { weekly: { days: ["wed"], from: "22:00", to: "04:00", timeZone: "Europe/Berlin" } },
      monitors: [],
      types: ["tcp"],
      enabled: false,
    });
  });

  test("a form that is asked for before the page is loaded opens as soon as it is", async () => {
    let [isAsked, answer] = [false, () => {}];
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/v1/maintenance*", async (route) => {
      isAsked = true;
      await answered;
      await route.continue();
    });
    await page.reload();
    await page.getByRole("button", { name: "Add window" }).click();
    await expect.poll(() => isAsked).toBe(true);
    expect(await page.getByRole("dialog").count()).toBe(0);
    answer();
    await page.getByRole("dialog").waitFor();
    await field("Monitor").fill("Shop");
    await field("Name").fill("Early");
    await page.getByRole("dialog").getByText("Every week").click();
    await page.getByRole("dialog").getByText("Wed", { exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
    await row("Early").waitFor();
    expect((await stored("Early")).monitors).toEqual([monitorId]);
  });

  test("the page fits a phone and a desk", async () => {
    for (const width of [360, 1_280]) {
      await page.setViewportSize({ width, height: 800 });
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect(overflow).toBeLessThanOrEqual(0);
      if (process.env.TEST_SCREENSHOTS)
        await page.screenshot({ path: `${process.env.TEST_SCREENSHOTS}/maintenance-${width}.png` });
      await page.getByRole("button", { name: "Add window" }).click();
      for (const kind of ["Once", "Every week", "Cron"]) {
        await page.getByRole("dialog").getByText(kind, { exact: true }).click();
        const wide = await page
          .getByRole("dialog")
          .locator(".field")
          .evaluateAll((fields) =>
            fields.filter((field: any) => field.scrollWidth > field.clientWidth).map((field: any) => field.textContent),
          );
        expect(wide).toEqual([]);
        if (process.env.TEST_SCREENSHOTS)
          await page.screenshot({ path: `${process.env.TEST_SCREENSHOTS}/add-${kind}-${width}.png` });
      }
      await page.keyboard.press("Escape");
    }
  });
});
