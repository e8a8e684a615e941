interface Rule {
  readonly enabled: boolean;
  readonly steps: ReadonlyArray<{ readonly channels: readonly string[] }>;
}

interface Channel {
  readonly id: string;
  readonly enabled: boolean;
}

/** Whether anybody would be told of anything: a rule that is enabled leads to a channel that is. */
export function reachesSomeone(rules: readonly Rule[], channels: readonly Channel[]): boolean {
  const open = new Set(channels.filter(({ enabled }) => enabled).map(({ id }) => id));
  return rules.some(
    ({ enabled, steps }) => enabled && steps.some(({ channels }) => channels.some((id) => open.has(id))),
  );
}
