import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRespGate, MAX_WORD_BYTES, RespRefusal } from "../../../coordinator/agents/resp-gate.ts";

const user = "watchpost-agent-agt_1";
const resp = (...words: Array<string | Buffer>): Buffer =>
  Buffer.concat([
    Buffer.from(`*${words.length}\r\n`),
    ...words.flatMap((word) => [
      Buffer.from(`$${Buffer.byteLength(word)}\r\n`),
      Buffer.from(word),
      Buffer.from("\r\n"),
    ]),
  ]);
const login = resp("AUTH", user, "password");

/** Feeds the pieces one after the other; the offset in all of them at which something was refused, else null. */
function run(pieces: readonly Buffer[]): { refused: string | null; stops: number[] } {
  const gate = createRespGate(user);
  const stops: number[] = [];
  let offset = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      let passed: number;
      try {
        passed = gate.take(piece.subarray(at));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RespRefusal);
        return { refused: (thrown as Error).message, stops };
      }
      at += passed;
      if (at < piece.length || offset + at === login.length) stops.push(offset + at);
    }
    offset += piece.length;
  }
  return { refused: null, stops };
}
const byteByByte = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));

test("commands after the login pass, and everything waits once, at its end", () => {
  const bytes = Buffer.concat([
    login,
    resp("PING"),
    resp("evalsha", "abc", "1", "key", Buffer.alloc(70_000, 13)),
    resp("set", "k", ""),
  ]);
  expect(run([bytes])).toEqual({ refused: null, stops: [login.length] });
  expect(run(byteByByte(bytes))).toEqual({ refused: null, stops: [login.length] });
  for (let split = 1; split < 200; split++) {
    expect(run([bytes.subarray(0, split), bytes.subarray(split)])).toEqual({ refused: null, stops: [login.length] });
  }
});

describe.each([
  ["at once", (bytes: Buffer) => [bytes]],
  ["byte by byte", byteByByte],
])("%s", (_, cut) => {
  test.each<[string, Buffer]>([
    ["a command before the login", resp("PING")],
    ["one of three words", resp("SET", "a", "b")],
    ["a login as the default user", resp("AUTH", "password")],
    ["a login as another agent", resp("AUTH", "watchpost-agent-agt_2", "password")],
    ["a login as a user whose name begins alike", resp("AUTH", `${user}0`, "password")],
    ["a login by HELLO", resp("HELLO", "3", "AUTH", user, "password")],
    ["an inline login", Buffer.from(`AUTH ${user} password\r\n`)],
    ["an endless name", resp("AUTH", user, "x".repeat(513))],
  ])("is refused: %s", (_, bytes) => {
    expect(run(cut(bytes)).refused).not.toBeNull();
  });

  test.each<[string, Buffer | string]>([
    ["another login", resp("AUTH", "default", "")],
    ["the same login", login],
    ["in any case", resp("aUtH", user, "x")],
    ["HELLO", resp("HELLO", "3")],
    ["RESET", resp("reset")],
    ["an inline command", "PING\r\n"],
    ["an empty line", "\r\n"],
    ["no words", "*0\r\n"],
    ["fewer than none", "*-1\r\n"],
    ["too many words", "*1025\r\n"],
    ["a number without end", "*00000000000001\r\n"],
    ["a number too long", "*1000000000\r\n"],
    ["a leading zero", "*01\r\n"],
    ["a sign", "*+1\r\n"],
    ["a blank", "* 1\r\n"],
    ["no number", "*\r\n"],
    ["no line feed", "*1\rx$4\r\nPING\r\n"],
    ["a line feed alone", "*1\n$4\nPING\n"],
    ["a number in an array", "*1\r\n:4\r\n"],
    ["an array in an array", "*1\r\n*1\r\n"],
    ["a null", "*1\r\n$-1\r\n"],
    ["a word longer than it says", "*1\r\n$4\r\nPINGS\r\n"],
    ["a word that ends without a line feed", "*1\r\n$4\r\nPING\rx"],
    ["a word beyond the limit", `*1\r\n$${MAX_WORD_BYTES + 1}\r\n`],
  ])("is refused after the login: %s", (_, bytes) => {
    expect(run(cut(Buffer.concat([login, resp("PING"), Buffer.from(bytes)]))).refused).not.toBeNull();
    expect(run(cut(Buffer.concat([login, resp("PING")]))).refused).toBeNull();
  });
});

test("a command beyond the limit is refused at the word that goes beyond it", () => {
  const gate = createRespGate(user);
  gate.take(login);
  gate.take(Buffer.from("*9\r\n"));
  const word = Buffer.concat([
    Buffer.from(`$${MAX_WORD_BYTES}\r\n`),
    Buffer.alloc(MAX_WORD_BYTES),
    Buffer.from("\r\n"),
  ]);
  gate.take(word);
  gate.take(word);
  expect(() => gate.take(Buffer.from("$1\r\n"))).toThrow(RespRefusal);
});

const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("AUTH", "hello", "RESET", "ping", ""),
);
const commands = fc.array(fc.array(word, { minLength: 1, maxLength: 5 }), { maxLength: 8 });

test("whatever the commands are and however they are cut, the same ones are refused", () => {
  fc.assert(
    fc.property(commands, fc.array(fc.nat(30), { minLength: 1, maxLength: 20 }), (list, cuts) => {
      const bytes = Buffer.concat([login, ...list.map((words) => resp(...words))]);
      const isRefused = list.some(([name = ""]) => /^(auth|hello|reset)$/i.test(name));
      const pieces: Buffer[] = [];
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const end = at + 1 + (cuts[n % cuts.length] as number);
        pieces.push(bytes.subarray(at, end));
        at = end;
      }
      expect(run(pieces).refused !== null).toBe(isRefused);
      expect(run([bytes]).refused !== null).toBe(isRefused);
    }),
  );
});

test("bytes that are changed at random are refused or end as they began", () => {
  const bytes = Buffer.concat([login, resp("evalsha", "abc", "2", "key", "other"), resp("ping")]);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(bytes);
      changed[at] = byte;
      const isBody = (offset: number) => /[a-z]/.test(String.fromCharCode(bytes[offset] as number));
      const { refused } = run([changed]);
      // What is not refused has the same structure: only letters of words and the login's password may differ.
      if (refused === null && changed[at] !== bytes[at])
        expect(isBody(at) || /[A-Z0-9]/.test(String.fromCharCode(bytes[at] as number))).toBe(true);
      expect(run(byteByByte(changed)).refused === null).toBe(refused === null);
    }),
  );
});
