import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { type Receiver, startReceiver } from "../../support/receiver.ts";

let coordinator: TestCoordinator;
let receiver: Receiver;
beforeAll(async () => {
  [coordinator, receiver] = await Promise.all([startTestCoordinator(), startReceiver()]);
});
afterAll(async () => {
  await coordinator?.stop();
  await receiver?.stop();
});
beforeEach(async () => {
  receiver.answerWith(200);
  for (const list of ["alert-rules", "channels"]) {
    for (const { id } of (await coordinator.call("GET", `/v1/${list}`)).body.data) {
      await coordinator.call("DELETE", `/v1/${list}/${id}`);
    }
  }
});

const env = () => ({ WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken });
const run = (command: string, input = "") => watchpost(command.split(" "), env(), { input });
const addChannel = (name: string) =>
  run(
    "channels add -f -",
    `{ name: ${name}, type: ntfy, settings: { serverUrl: "${receiver.url}", topic: a-hidden-topic } }`,
  );

it("adds, lists, shows and removes a channel, and tells no secret", async () => {
  expect((await run("channels")).out).toMatch(/^No channels yet/);
  expect(await addChannel("Phone")).toEqual({
    code: 0,
    out: expect.stringMatching(/^Added Phone as (chn_\w+)\. Try it out with `watchpost channels test \1`\.\n$/),
    err: "",
  });
  expect((await run("channels list")).out).toMatch(/NAME +ID +TYPE +ENABLED\nPhone +chn_\w+ +ntfy +yes\n/);
  const shown = await run("channels show Phone");
  expect(shown.out).toContain("type: ntfy");
  expect(shown.out).not.toContain("a-hidden-topic");
  expect(JSON.parse((await run("channels --json")).out)).toMatchObject([{ name: "Phone", settings: { topic: "***" } }]);
  expect(await run("channels rm Phone")).toMatchObject({ code: 0, out: expect.stringMatching(/^Removed Phone/) });
  expect(await run("channels show Phone")).toEqual({
    code: 1,
    out: "",
    err: 'watchpost: there is no channel "Phone": `watchpost channels` lists them\n',
  });
});

it("changes a channel to what it has shown, keeps its secrets and its rules, and asks for them where they would go elsewhere", async () => {
  await addChannel("Phone");
  const [{ id }] = (await coordinator.call("GET", "/v1/channels")).body.data;
  const { out } = await run("channels show Phone");
  const set = (from: string, to: string) => run("channels set Phone -f -", out.replace(from, to));
  expect(await set("name: Phone", "name: Pager\nenabled: true")).toMatchObject({ code: 2 });
  expect(await set(`serverUrl: ${receiver.url}`, "serverUrl: https://ntfy.example")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/settings\.topic +must be given again, because serverUrl changed/),
  });
  expect(await set("name: Phone", "name: Pager")).toEqual({
    code: 0,
    out: `Changed Pager. Try it out with \`watchpost channels test ${id}\`.\n`,
    err: "",
  });
  expect(await run("channels test Pager")).toMatchObject({ code: 0 });
  expect(receiver.received.at(-1)?.body).toMatchObject({ topic: "a-hidden-topic" });
});

it("lists the types of channels, and the settings of one", async () => {
  expect((await run("channels types")).out.split("\n")).toEqual(expect.arrayContaining(["slack", "twilio"]));
  const { out } = await run("channels types ntfy");
  expect(out).toMatch(
    /SETTING +LEFT OUT +WHAT IT IS\nserverUrl +https:\/\/ntfy\.sh +the server\ntopic +required +.*\(secret\)/,
  );
  expect(await run("channels types fax")).toMatchObject({ code: 1, err: expect.stringMatching(/no type "fax"/) });
});

it("names what is wrong with a channel", async () => {
  expect(await run("channels add -f -", "{ name: Phone, type: ntfy, settings: { topic: a b } }")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/settings\.topic +must be 1 to 64 letters/),
  });
  expect(await run("channels add -f /nowhere/channel.yaml")).toMatchObject({ code: 2 });
});

// Within less than the command's patience: it ends when the first try has failed.
it("tests a channel: sent, refused for good, and refused for now", { timeout: 20_000 }, async () => {
  await addChannel("Phone");
  expect(await run("channels test Phone")).toEqual({ code: 0, out: "The test was sent through Phone.\n", err: "" });
  expect(receiver.received.at(-1)).toMatchObject({
    body: { topic: "a-hidden-topic", message: expect.stringContaining("channel Phone") },
  });

  receiver.answerWith(403);
  expect(await run("channels test Phone")).toMatchObject({
    code: 1,
    out: "",
    err: expect.stringMatching(/^watchpost: the test was not sent through Phone: .*403/),
  });
  receiver.answerWith(503);
  expect(await run("channels test Phone")).toMatchObject({
    code: 1,
    err: expect.stringMatching(/503.*; it is tried again, as dlv_\w+\n$/),
  });
  receiver.answerWith(403);
  const failed = await run("channels test Phone --json");
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.out)).toMatchObject({
    event: "test",
    state: "failed",
    lastError: expect.stringContaining("403"),
  });
});

it("lists what failed with its reason, and sends it again", async () => {
  await addChannel("Phone");
  receiver.answerWith(403);
  await run("channels test Phone");
  const [line] = /dlv_.*/.exec((await run("deliveries list --state failed --limit 1")).out) ?? [];
  expect(line).toMatch(/^dlv_\w+ +.* failed +Phone +1 +\S.*403/);
  receiver.answerWith(200);
  const [id = ""] = line?.split(" ") ?? [];
  const before = receiver.received.length;
  expect(await run(`deliveries retry ${id}`)).toEqual({ code: 0, out: `${id} is sent again.\n`, err: "" });
  await receiver.hears(before + 1);
  expect(await run("deliveries retry dlv_none")).toMatchObject({ code: 1, err: expect.stringContaining("dlv_none") });
  expect(await run("deliveries --state lost")).toMatchObject({ code: 2, err: expect.stringContaining("state") });
});

it("adds a rule with channels by name, lists, shows and removes it", async () => {
  expect((await run("rules")).out).toMatch(/^No rules yet, so nobody is told/);
  await addChannel("Phone");
  await addChannel("Everyone");
  const rule =
    "{ name: Shop, tags: [shop], delay: 30s, steps: [{ channels: [Phone] }, { after: 5m, channels: [Everyone] }] }";
  expect(await run("rules add -f -", rule)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Added Shop as rul_/),
  });
  expect((await run("rules list")).out).toMatch(
    /Shop +rul_\w+ +yes +down, up +tagged shop +Phone; Everyone after 5m\n/,
  );
  const shown = await run("rules show Shop");
  const again = shown.out.replace("name: Shop", "name: Again");
  expect(await run("rules add -f -", again)).toMatchObject({ code: 0 });
  expect(await run("rules rm Shop")).toMatchObject({ code: 0 });
  expect(JSON.parse((await run("rules --json")).out)).toMatchObject([{ name: "Again", delay: "30s" }]);

  expect(await run("rules add -f -", "{ name: Lost, steps: [{ channels: [Nobody] }] }")).toMatchObject({
    code: 1,
    err: expect.stringContaining('there is no channel "Nobody"'),
  });
  expect(await run("rules add -f -", "{ name: Lost, steps: none }")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/steps +/),
  });
});
