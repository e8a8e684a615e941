import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import { createTaking } from "../../agent/taking.ts";

describe("whether checks are taken", () => {
  let time: number;
  let trouble: string | null;
  let did: string[];
  let logs: string[];
  beforeEach(() => {
    time = 0;
    trouble = "no sample";
    did = [];
    logs = [];
  });
  const start = () =>
    createTaking({
      clockTrouble: () => trouble,
      worker: {
        take: () => void did.push("take"),
        pause: ({ giveBack }) => void did.push(giveBack ? "give back" : "finish"),
      },
      onChange: () => void did.push("tell"),
      onSample: () => void did.push("sample"),
      monotonic: () => time,
      logger: pino({ level: "info" }, { write: (line) => void logs.push(JSON.parse(line).msg) }),
    });

  test("they are not before the clock is right, and are then", () => {
    const taking = start();
    expect(taking.isClockRight()).toBe(false);
    trouble = null;
    expect(taking.isClockRight()).toBe(true);
    expect(did).toEqual(["sample", "take", "tell"]);
    expect(logs).toEqual([]);
  });

  test("they are given back while it is not, the clock is asked for, and it is said when that lasts", () => {
    const taking = start();
    trouble = null;
    taking.isClockRight();
    did = [];
    trouble = "jumped";
    for (time = 1_000; time < 6_000; time += 250) taking.isClockRight();
    expect(taking.clockTrouble).toBe("jumped");
    expect(did[0]).toBe("give back");
    expect(did.slice(1)).toEqual(Array(10).fill("sample"));
    trouble = null;
    taking.isClockRight();
    expect(did.slice(-2)).toEqual(["take", "tell"]);
    expect(logs).toEqual(["The clock cannot be corrected: no checks are taken", "The clock can be corrected again"]);
  });

  test("they are not while an operator has it drained, whatever the clock does", () => {
    const taking = start();
    taking.setDrained(true);
    trouble = null;
    taking.isClockRight();
    expect(did).toEqual(["finish", "tell"]);
    taking.setDrained(true);
    trouble = "jumped";
    taking.isClockRight();
    taking.setDrained(false);
    expect(did.filter((one) => one === "take")).toEqual([]);
    trouble = null;
    taking.isClockRight();
    expect(did.slice(-2)).toEqual(["take", "tell"]);
  });

  test("they are again when it is resumed", () => {
    const taking = start();
    trouble = null;
    taking.isClockRight();
    taking.setDrained(true);
    did = [];
    taking.setDrained(false);
    expect(did).toEqual(["take", "tell"]);
  });

  test("nothing is begun once it is stopped", async () => {
    const taking = start();
    await taking.start();
    await taking.stop();
    trouble = null;
    expect(taking.isClockRight()).toBe(true);
    taking.setDrained(true);
    expect(did).toEqual([]);
  });
});
