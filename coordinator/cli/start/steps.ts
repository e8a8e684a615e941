/** What people read while everything starts, and afterwards when something happens. */
export interface Steps {
  /** Says how long a step took once it is done, with a remark on its outcome. */
  step<T>(name: string, work: () => Promise<T>, remark?: (outcome: T) => string): Promise<T>;
  say(text: string): void;
  /** Something is wrong, at `who`. The same words are not repeated within half a minute. */
  warn(who: string, text: string): void;
}

const REPEAT_AFTER_MS = 30_000;
const NAME_WIDTH = 15;

export function createSteps(out: (text: string) => void): Steps {
  const said = new Map<string, number>();
  return {
    async step(name, work, remark) {
      const began = performance.now();
      const outcome = await work();
      const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(4);
      out(`  ${name.padEnd(NAME_WIDTH)} ${seconds} s   ${remark?.(outcome) ?? ""}`.trimEnd());
      return outcome;
    },
    say: out,
    warn(who, text) {
      const line = `! ${who}: ${text}`;
      const now = performance.now();
      for (const [earlier, at] of said) if (now - at > REPEAT_AFTER_MS) said.delete(earlier);
      if (said.has(line)) return;
      said.set(line, now);
      out(line);
    },
  };
}
