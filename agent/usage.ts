/** What this process takes of its machine. */
export interface Usage {
  /** `cpu` is the share of one core since the last call. */
  sinceLast(): { readonly cpu: number; readonly rssBytes: number };
}

export function createUsage(): Usage {
  let cpu = process.cpuUsage();
  let at = performance.now();
  return {
    sinceLast() {
      const { user, system } = process.cpuUsage(cpu);
      const now = performance.now();
      const share = (user + system) / 1_000 / Math.max(1, now - at);
      cpu = process.cpuUsage();
      at = now;
      return { cpu: Math.round(share * 1_000) / 1_000, rssBytes: process.memoryUsage.rss() };
    },
  };
}
