/** The Redis user of one agent, whose password shared/agent-secret.ts derives from the agent's secret. */
export const agentRedisUser = (prefix: string, agentId: string): string => `${prefix}-agent-${agentId}`;
