import { createPublicKey } from "node:crypto";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { hashSecret, redisPassword, writeBearer } from "../../../shared/agent-secret.ts";
import { readCredential } from "../../../shared/credential.ts";
import { newSecret } from "../../../shared/id.ts";
import { agentLink } from "../../support/agent-link.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";

let coordinator: TestCoordinator;
let database: Client;
beforeAll(async () => {
  coordinator = await startTestCoordinator("redis", { publicUrl: "https://watch.example/" });
  database = new Client({ connectionString: coordinator.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await coordinator?.stop();
});
beforeEach(() => database.query("DELETE FROM audit_log"));

const make = (draft: object = { region: "eu-west" }) => coordinator.call("POST", "/v1/enrollment-tokens", draft);
const enroll = (token: string, more: object = {}, at = coordinator) =>
  at.call("POST", "/agent/enroll", { token, host: "fra1", version: "1.0.0", arch: "x64", ...more }, null);
const audit = async () =>
  (await coordinator.call("GET", "/v1/audit")).body.data.map((entry: any) => [entry.action, entry.detail.reason]);

test("a token makes an agent, of which nothing is kept that it could be robbed of", async () => {
  const { status, body: made } = await make({ region: "eu-west", name: "Frankfurt 1", expiresIn: "15m" });
  expect(status).toBe(201);
  expect(made).toMatchObject({ region: "eu-west", name: "Frankfurt 1", state: "open", usedBy: null });
  expect(Math.abs(Date.parse(made.expiresAt) - Date.now() - 900_000)).toBeLessThan(10_000);
  const { status: enrolled, body } = await enroll(made.token);
  expect(enrolled).toBe(201);
  const credential = readCredential(body);
  expect(credential).toMatchObject({
    generation: 1,
    region: "eu-west",
    coordinatorUrl: "https://watch.example/",
    queue: { kind: "tunnel" },
    queuePrefix: coordinator.queueServer.prefix,
  });
  expect(Math.abs(body.serverTimeMs - Date.now())).toBeLessThan(10_000);

  const { rows } = await database.query("SELECT * FROM agent_credentials WHERE agent_id = $1", [credential.agentId]);
  expect(rows).toMatchObject([
    {
      name: "Frankfurt 1",
      secret_hash: hashSecret(credential.secret),
      redis_password_hash: hashSecret(redisPassword(credential.secret)),
    },
  ]);
  let text = "";
  for (const table of ["agent_credentials", "enrollment_tokens", "audit_log"]) {
    text += JSON.stringify((await database.query(`SELECT * FROM ${table}`)).rows);
  }
  for (const secret of [made.token, credential.secret, redisPassword(credential.secret)]) {
    expect(text).not.toContain(secret);
  }
  const { body: list } = await coordinator.call("GET", "/v1/enrollment-tokens");
  const listed = list.data.find(({ id }: { id: string }) => id === made.id);
  expect(listed).toMatchObject({ state: "used", usedBy: credential.agentId });
  expect(JSON.stringify(list)).not.toContain(made.token);
  const { body: agents } = await coordinator.call("GET", "/v1/agents");
  expect(agents.data).toContainEqual(
    expect.objectContaining({
      id: credential.agentId,
      region: "eu-west",
      online: false,
      seenAgoMs: null,
      enrollment: expect.objectContaining({ name: "Frankfurt 1", generation: 1, revokedAt: null }),
    }),
  );
  const link = agentLink(coordinator.url, writeBearer(credential));
  await new Promise((resolve, reject) => link.once("open", resolve).once("error", reject));
  link.terminate();
});

test("the line has the address and the key that releases are checked against", async () => {
  const { body } = await make();
  const key = createPublicKey({ key: Buffer.from(body.key, "base64url"), format: "der", type: "spki" });
  expect(key.asymmetricKeyType).toBe("ec");
  expect((await make()).body.key).toBe(body.key);
  expect(body.line).toBe(
    `curl --proto '=https' --tlsv1.2 -fsSL https://watch.example/install.sh | sudo sh -s -- --coordinator https://watch.example --key ${body.key}`,
  );
  expect(body.line).not.toContain(body.token);
});

test("a token works once, however many come with it at the same time to whichever coordinator", async () => {
  const another = await coordinator.another();
  try {
    const { token } = (await make()).body;
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => enroll(token, {}, n % 2 === 0 ? coordinator : another)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 401, 401, 401, 401, 401]);
    expect(answers.find(({ status }) => status === 401)?.body.detail).toMatch(/was used already/);
    const actions = (await audit()).filter(([action]: string[]) => action?.startsWith("agents."));
    expect(actions.filter(([action]: string[]) => action === "agents.enroll")).toHaveLength(1);
    expect(actions.filter(([, reason]: string[]) => reason === "used")).toHaveLength(5);
  } finally {
    await another.stop();
  }
});

test("each reason why a token is none is told, and is in the audit log", async () => {
  const { body: expired } = await make();
  await database.query("UPDATE enrollment_tokens SET expires_at = now() WHERE id = $1", [expired.id]);
  const { body: revoked } = await make();
  expect((await coordinator.call("DELETE", `/v1/enrollment-tokens/${revoked.id}`)).status).toBe(204);
  expect((await coordinator.call("DELETE", `/v1/enrollment-tokens/${revoked.id}`)).status).toBe(404);
  const cases = [
    [newSecret("wpe"), "unknown", /is not known here/],
    [expired.token, "expired", /has expired/],
    [revoked.token, "revoked", /was revoked/],
  ] as const;
  for (const [token, reason, detail] of cases) {
    const { status, body } = await enroll(token);
    expect([status, body.detail]).toEqual([401, expect.stringMatching(detail)]);
    expect((await audit())[0]).toEqual(["agents.enroll.refused", reason]);
  }
});

test("a clock that is more than two minutes off is told, and costs no token", async () => {
  const { token } = (await make()).body;
  const late = await enroll(token, { clockMs: Date.now() - 150_000 });
  expect([late.status, late.body.errors[0].field]).toEqual([422, "clockMs"]);
  expect(late.body.detail).toMatch(/clock of this machine is 1(49|50|51)s behind the/);
  expect((await enroll(token, { clockMs: Date.now() + 150_000 })).body.detail).toMatch(/ahead of the coordinator's/);
  expect((await enroll(token, { clockMs: Date.now() - 100_000 })).status).toBe(201);
});

test("a token of another region than was said is refused with both names, and costs nothing", async () => {
  const { token } = (await make()).body;
  const { status, body } = await enroll(token, { region: "us-east" });
  expect([status, body.errors[0].field]).toEqual([422, "region"]);
  expect(body.detail).toMatch(/must be eu-west, .* not us-east; or left out\. The token is still good/);
  expect((await audit())[0]).toEqual(["agents.enroll.refused", "region"]);
  const limited = await coordinator.another();
  try {
    for (let n = 0; n < 21; n++) expect((await enroll(token, { region: "us-east" }, limited)).status).toBe(422);
    expect((await enroll(token, { region: "eu-west" }, limited)).status).toBe(201);
  } finally {
    await limited.stop();
  }
});

test("where the queues are in PostgreSQL no token is made or taken, and it is said what to do", async () => {
  const { token } = (await make()).body;
  const another = await coordinator.another({
    queueServer: { kind: "postgres", connectionString: coordinator.databaseUrl, prefix: "watchpost" },
  });
  try {
    for (const answer of [
      await another.call("POST", "/v1/enrollment-tokens", { region: "eu-west" }),
      await enroll(token, {}, another),
    ]) {
      expect([answer.status, answer.body.detail]).toEqual([
        409,
        expect.stringMatching(/queues in PostgreSQL.*Set REDIS_URL/),
      ]);
    }
    expect((await enroll(token)).status).toBe(201);
  } finally {
    await another.stop();
  }
});

test("who is refused too often has to wait, and others have not", async () => {
  const limited = await coordinator.another();
  try {
    const { token } = (await make()).body;
    for (let n = 0; n < 20; n++) expect((await enroll(newSecret("wpe"), {}, limited)).status).toBe(401);
    expect((await enroll(token, {}, limited)).status).toBe(429);
    expect((await enroll(token)).status).toBe(201);
  } finally {
    await limited.stop();
  }
});

test.each([
  [{}, "region"],
  [{ region: "EU" }, "region"],
  [{ region: "eu-west", expiresIn: "30s" }, "expiresIn"],
  [{ region: "eu-west", expiresIn: "8d" }, "expiresIn"],
  [{ region: "eu-west", uses: 2 }, "uses"],
])("%o is refused by name", async (draft, field) => {
  const { status, body } = await make(draft);
  expect([status, body.errors[0].field]).toEqual([422, field]);
});

test("a revoked agent is listed as such, and cannot be given a new secret", async () => {
  const { agentId } = (await enroll((await make()).body.token)).body;
  expect((await coordinator.call("DELETE", `/v1/agents/${agentId}`)).status).toBe(204);
  const { body } = await coordinator.call("GET", "/v1/agents");
  const row = body.data.find(({ id }: { id: string }) => id === agentId);
  expect(row).toMatchObject({ online: false, enrollment: { revokedAt: expect.any(String) } });
  expect((await coordinator.call("POST", `/v1/agents/${agentId}/rotate`, {})).status).toBe(409);
  expect((await coordinator.call("DELETE", "/v1/agents/agt_none")).status).toBe(404);
  expect((await audit())[0]).toEqual(["agents.revoke", undefined]);
});
