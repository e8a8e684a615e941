import { expect, test } from "vitest";
import { agentSettings } from "../../agent/config.ts";
import { coordinatorSettings } from "../../coordinator/config.ts";
import { programSettings } from "../../shared/program-settings.ts";
import { queueSettings } from "../../shared/queues.ts";

test("a variable that coordinator and agent both read is declared once: one environment may be handed to both", () => {
  const coordinator = new Map(Object.values(coordinatorSettings).map((setting) => [setting.variable, setting]));
  const both = Object.values(agentSettings).filter(({ variable }) => coordinator.has(variable));
  const shared = Object.values({ ...queueSettings, ...programSettings }).map(({ variable }) => variable);
  // The one side presents the token and the other asks for it: it is one and the same.
  expect(both.map(({ variable }) => variable).sort()).toEqual([...shared, "WATCHPOST_AGENT_TOKEN"].sort());
});
