/**
 * How Node is run for an agent, which has to be small beside what its machine is for. A young
 * generation of 2 MB costs no more CPU time than the usual one of up to 16 MB, and one malloc
 * arena is enough for one busy thread. The limit on the old one has to suffice for as many
 * checks in flight as the settings allow, since an agent that reaches it dies.
 * Measured in docs/performance.md.
 */
export const leanNode = {
  execArgv: ["--max-old-space-size=512", "--max-semi-space-size=2"],
  env: { MALLOC_ARENA_MAX: "1" },
} as const;
