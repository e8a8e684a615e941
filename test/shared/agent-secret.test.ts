import { expect, test } from "vitest";
import { hashMatches, hashSecret, readBearer, redisPassword, writeBearer } from "../../shared/agent-secret.ts";
import { newId, newSecret } from "../../shared/id.ts";

test("an agent's bearer is read as it was written", () => {
  const bearer = { agentId: newId("agt"), secret: newSecret("wps") };
  expect(readBearer(`Bearer ${writeBearer(bearer)}`)).toEqual(bearer);
});

test.each([
  undefined,
  "",
  "Bearer wpg_a-token-that-agents-share-here",
  `Bearer agt_1.${newSecret("wps")}`,
  `Bearer ${newId("agt")}.${newSecret("wps")} `,
  `Bearer ${newId("agt")}.${newSecret("wps")}x`,
  `Basic ${newId("agt")}.${newSecret("wps")}`,
])("%s is none", (header) => {
  expect(readBearer(header)).toBeNull();
});

test("hashes are compared as a whole", () => {
  const hash = hashSecret("wps_1");
  expect(hashMatches(hash, hashSecret("wps_1"))).toBe(true);
  expect(hashMatches(hash, hashSecret("wps_2"))).toBe(false);
  expect(hashMatches(hash.slice(2), hash)).toBe(false);
  expect(hashMatches("", hash)).toBe(false);
});

test("the password of Redis follows from the secret, and is not it", () => {
  // printf 'watchpost redis' | openssl dgst -sha256 -hmac wps_known -binary | basenc --base64url
  expect(redisPassword("wps_known")).toBe("RekbVUHPTGav_dSM1MbYwWbCURYgwXkSACG-bb0zXg0");
});
