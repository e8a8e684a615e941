/** What people read while everything starts, and afterwards when something happens. */
export interface Steps {
  /** Says how long a step took once it is done, with a remark on its outcome. */
  step<T>(name: string, work: () => Promise<T>, remark?: (outcome: T) => string): Promise<T>;
  /** A line among the steps of what took no time. */
  note(name: string, remark: string): void;
  /** Something is wrong, at `who`. What differs only in numbers is not repeated within half a minute. */
  warn(who: string, text: string): void;
}

const REPEAT_AFTER_MS = 30_000;
const NAME_WIDTH = 15;
const TIME_WIDTH = 7;

export function createSteps(out: (line: string) => void): Steps {
  const said = new Map<string, number>();
  const row = (name: string, time: string, remark: string): void =>
    out(`  ${name.padEnd(NAME_WIDTH)}${time.padStart(TIME_WIDTH)}   ${remark}`.trimEnd());

  return {
    async step(name, work, remark) {
      const began = performance.now();
      const outcome = await work();
      row(name, `${((performance.now() - began) / 1_000).toFixed(1)} s`, remark?.(outcome) ?? "");
      return outcome;
    },
    note: (name, remark) => row(name, "", remark),
    warn(who, text) {
      // Counts and pauses differ each time.
      const gist = `${who} ${text.replace(/\d+/g, "")}`;
      const now = performance.now();
      for (const [earlier, at] of said) if (now - at > REPEAT_AFTER_MS) said.delete(earlier);
      if (said.has(gist)) return;
      said.set(gist, now);
      out(`! ${who}: ${text}`);
    },
  };
}
