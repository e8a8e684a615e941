import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createCheckSecrets } from "../../agent/check-secrets.ts";
import { createRunCheck } from "../../agent/run-check.ts";
import type { CheckSecrets } from "../../shared/check.ts";
import { sealCheckSecrets } from "../../shared/check-secrets.ts";
import { systemClock } from "../../shared/clock.ts";
import { sealingKey } from "../../shared/sealing.ts";
import { httpCheck } from "../support/checks.ts";
import { httpTarget } from "../support/targets.ts";
import { testProbes } from "./probes/support.ts";

const [key, older] = [randomBytes(32), randomBytes(32)];

async function serve(listener: RequestListener): Promise<string> {
  const target = await httpTarget(listener);
  onTestFinished(() => target.stop());
  return `http://127.0.0.1:${target.port}`;
}

type Options = Parameters<typeof httpCheck>[1];

/** A check whose secrets are sealed, as it comes out of the queue. */
function sealed(url: string, secrets: CheckSecrets, options: Options = {}, by = key) {
  const check = httpCheck(url, options);
  return { ...check, secrets: sealCheckSecrets(sealingKey(by), check, secrets) };
}

function agent(...keys: Buffer[]) {
  const secrets = createCheckSecrets();
  if (keys.length > 0) secrets.take(keys.map((bytes) => bytes.toString("base64")));
  return createRunCheck({ probes: testProbes(), clock: systemClock(), open: secrets.open });
}

test.each([key, older])("the target gets the secrets, whichever of the region's keys sealed them", async (by) => {
  let seen: Pick<IncomingMessage, "headers"> | undefined;
  let body = "";
  const url = await serve(async (request, response) => {
    seen = request;
    body = await text(request);
    response.end();
  });
  const secrets = { headers: { Authorization: "Bearer hunter2" }, body: "pin=hunter3" };
  const options = { method: "POST", headers: { accept: "text/plain" } } as const;
  const result = await agent(key, older)(sealed(url, secrets, options, by));
  expect(result).toMatchObject({ status: "up", error: null });
  expect(seen?.headers).toMatchObject({ authorization: "Bearer hunter2", accept: "text/plain" });
  expect(body).toBe("pin=hunter3");
});

test("what cannot be opened is the agent's trouble and no vote, and nothing is sent", async () => {
  let requests = 0;
  const url = await serve((_, response) => {
    requests++;
    response.end();
  });
  const check = sealed(url, { headers: { authorization: "Bearer hunter2" } });
  const elsewhere = { ...check, http: { ...check.http, url: `${url.replace("127.0.0.1", "localhost")}/` } };
  const wrong = [
    [agent(), check, "the coordinator has not told the key"],
    [agent(older), check, "which is not here"],
    [agent(key), elsewhere, "was not sealed with the key"],
    [agent(key), { ...check, secrets: "unopenable" }, "no sealed text"],
  ] as const;
  for (const [run, given, message] of wrong) {
    const { status, error } = await run(given);
    expect({ status, code: error?.code }).toEqual({ status: "error", code: "agent_internal" });
    expect(error?.message).toContain(message);
  }
  expect(requests).toBe(0);
});

const basic = `Basic ${Buffer.from("me:hunter2").toString("base64")}`;

test.each([
  ["a header as it was sent", { headers: { "x-tenant": "hunter2 of all" } }, "hunter2 of all"],
  ["the token alone", { headers: { authorization: "Bearer hunter2" } }, "hunter2"],
  ["what basic credentials hold", { headers: { authorization: basic } }, "me:hunter2"],
  ["their password", { headers: { authorization: basic } }, "hunter2"],
  ["one cookie", { headers: { cookie: "a=b; session=hunter2" } }, "hunter2"],
  ["a secret that JSON would escape", { headers: { "x-a": 'hunter"2' } }, 'hunter"2'],
  [
    "a secret that is cut off in the middle",
    { headers: { "x-a": `hunter2${"y".repeat(80)}` } },
    `hunter2${"y".repeat(80)}`,
  ],
  ["a field of a secret body", { headers: {}, body: JSON.stringify({ user: { password: "hunter2" } }) }, "hunter2"],
  ["a field of a secret form", { headers: {}, body: "user=me&password=hunter2%20b" }, "hunter2 b"],
])("a result does not tell a secret that the target quotes: %s", async (_, secrets, quoted) => {
  const url = await serve((_request, response) => {
    response.setHeader("x-echo", `${"z".repeat(60)} ${quoted}`);
    response.end();
  });
  const assertions = [{ source: "header", name: "x-echo", op: "eq", value: "fine", level: "down" }] as const;
  const result = await agent(key)(sealed(url, secrets, { method: "POST", assertions: [...assertions] }));
  expect(result.status).toBe("down");
  expect(result.failedAssertions[0]).toContain("***");
  expect(JSON.stringify(result)).not.toMatch(/hunter/);
});

test("secrets are not sent on to another origin by a redirect", async () => {
  const seen: IncomingMessage[] = [];
  const other = await serve((request, response) => {
    seen.push(request);
    response.end();
  });
  const url = await serve((request, response) => {
    response.writeHead(request.url === "/kept" ? 307 : 302, { location: other }).end();
  });
  const secrets = { headers: { "x-tenant": "hunter2" } };
  expect(await agent(key)(sealed(url, secrets))).toMatchObject({ status: "up" });
  expect(seen[0]?.headers).not.toHaveProperty("x-tenant");
  const withBody = sealed(`${url}/kept`, { headers: {}, body: "hunter3" }, { method: "POST" });
  expect(await agent(key)(withBody)).toMatchObject({ status: "down", error: { code: "http_bad_redirect" } });
  expect(seen).toHaveLength(1);
});
