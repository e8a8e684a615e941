import { expect, test } from "vitest";
import { createSecretBox } from "../../../coordinator/secrets/box.ts";
import { newKey, parseKeys } from "../../../coordinator/secrets/keys.ts";
import { sealedWith, Unopenable } from "../../../shared/sealing.ts";

const boxOf = (...keys: string[]) => createSecretBox(parseKeys(keys.join("\n")));
const [older, newer] = [newKey(), newKey()];

test("a sealed text opens again with its context, and holds nothing of the text", () => {
  const box = boxOf(newer);
  const plain = "Bearer hunter2, süß 🔑";
  const sealed = box.seal(plain, "monitor a");
  expect(sealed).not.toContain("hunter2");
  expect(Buffer.from(sealed.split(".")[2] as string, "base64url").toString("latin1")).not.toContain("hunter2");
  expect(box.open(sealed, "monitor a")).toBe(plain);
  expect(box.seal(plain, "monitor a")).not.toBe(sealed);
  expect(box.open(box.seal("", "x"), "x")).toBe("");
});

test("another context, another key or a changed text does not open, and the error tells nothing of it", () => {
  const box = boxOf(newer);
  const sealed = box.seal("hunter2", "monitor a");
  const last = sealed.at(-1) === "A" ? "Q" : "A";
  const wrong: Array<readonly [ReturnType<typeof boxOf>, string, string, RegExp]> = [
    [box, sealed, "monitor b", /was not sealed with the key [0-9a-f]{8} for this place/],
    [box, `${sealed.slice(0, -4)}${last.repeat(4)}`, "monitor a", /or was changed since/],
    [box, sealed.slice(0, 30), "monitor a", /too short/],
    [box, "hunter2", "monitor a", /no sealed text/],
    [boxOf(older), sealed, "monitor a", /the key [0-9a-f]{8}, which is not here/],
  ];
  for (const [by, text, context, message] of wrong) {
    expect(() => by.open(text, context)).toThrow(Unopenable);
    expect(() => by.open(text, context)).toThrow(message);
    expect(() => by.open(text, context)).not.toThrow(/hunter2/);
  }
});

test("of several keys the first seals, all open, and what is sealed again needs the older one no longer", () => {
  const before = boxOf(older);
  const both = boxOf(newer, older);
  const sealed = before.seal("hunter2", "c");
  expect(both.open(sealed, "c")).toBe("hunter2");
  expect(sealedWith(sealed)).toBe(before.currentKey);
  const again = both.reseal(sealed, "c");
  expect(sealedWith(again)).toBe(both.currentKey);
  expect(boxOf(newer).open(again, "c")).toBe("hunter2");
  expect(both.reseal(again, "c")).toBe(again);
});

test("what is derived depends on key and label alone", () => {
  const box = boxOf(newer, older);
  expect(box.derive("redis")).toEqual(boxOf(newer).derive("redis"));
  expect(box.derive("redis")).toHaveLength(32);
  expect(box.derive("redis")).not.toEqual(box.derive("links"));
  expect(box.derivations("redis")).toEqual([boxOf(newer).derive("redis"), boxOf(older).derive("redis")]);
});

test("keys are read in every common form, and none is told in an error", () => {
  const hex = Buffer.from(newer, "base64").toString("hex");
  const url = Buffer.from(newer, "base64").toString("base64url");
  const id = parseKeys(newer)[0]?.id;
  expect(parseKeys(`${hex}\n`).map((key) => key.id)).toEqual([id]);
  expect(parseKeys(` # now\n${url}, # x\n`.replace(", # x", ",")).map((key) => key.id)).toEqual([id]);
  expect(parseKeys(`${newer},${older}`)).toHaveLength(2);
  expect(parseKeys(`# current\n${newer}\n# before\n${older}\n`)).toHaveLength(2);
  expect(() => parseKeys(`${newer} ${hex}`)).toThrow("must not hold a key twice");
  expect(() => parseKeys(" \n# none\n")).toThrow("must hold a key");
  for (const wrong of ["hunter2", newer.slice(4), `${hex}00`, Buffer.alloc(33, 7).toString("base64")]) {
    expect(() => parseKeys(wrong)).toThrow(/^must be 32 random bytes in base64 or hexadecimal/);
  }
});
