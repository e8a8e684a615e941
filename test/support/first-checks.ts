import type { Check } from "../../shared/check.ts";
import type { TestCoordinator } from "./coordinator.ts";
import type { HandAgent } from "./hand-agent.ts";
import { until } from "./until.ts";

/** Makes a monitor, and waits for the check that each agent is asked for at once. */
export async function makeMonitor(
  coordinator: TestCoordinator,
  agents: readonly HandAgent[],
  document: object = {},
): Promise<{ path: string; id: string; first: Check[] }> {
  const { body } = await coordinator.call("POST", "/v1/monitors", {
    name: "Made",
    type: "tcp",
    interval: "1h",
    tcp: { host: "127.0.0.1", port: 9 },
    ...document,
  });
  const first = await until(
    () => agents.map((agent) => agent.checks.find(({ monitorId }) => monitorId === body.id) as Check),
    (found) => found.every(Boolean),
  );
  return { path: `/v1/monitors/${body.id}`, id: body.id, first };
}
