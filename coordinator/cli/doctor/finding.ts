/** What one check of `doctor` came to. */
export interface Finding {
  /** What was looked at, such as `Redis eviction`. */
  readonly check: string;
  /** Trouble keeps something from working; advice does not. */
  readonly state: "ok" | "advice" | "trouble" | "skipped";
  /** What is so, or what is wrong, or why it was not looked at. */
  readonly detail: string;
  /** What to do about trouble or for advice; null for the rest. */
  readonly remedy: string | null;
}

export const ok = (check: string, detail: string): Finding => ({ check, state: "ok", detail, remedy: null });

export const trouble = (check: string, detail: string, remedy: string): Finding => ({
  check,
  state: "trouble",
  detail,
  remedy,
});

export const advice = (check: string, detail: string, remedy: string): Finding => ({
  check,
  state: "advice",
  detail,
  remedy,
});

export const skipped = (check: string, detail: string): Finding => ({ check, state: "skipped", detail, remedy: null });
