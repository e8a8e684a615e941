import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption } from "../context.ts";
import { addDrain, addResume } from "./drain.ts";
import { addEnroll } from "./enroll.ts";
import { addList, listAgents } from "./list.ts";
import { addRevoke } from "./revoke.ts";
import { addRotate } from "./rotate.ts";
import { addShow } from "./show.ts";
import { addTokens } from "./tokens.ts";
import { addTroubles } from "./troubles.ts";
import { addUpgrade } from "./upgrade.ts";

export function addAgents(parent: Command, context: CliContext): void {
  const about = "List the agents: where they are, whether they are online, what they are doing; or make and end them";
  const agents = apiCommand(parent, "agents", about, [
    "watchpost agents",
    "watchpost agents show agt_0123456789abcdefghij",
    "watchpost agents drain agt_0123456789abcdefghij",
    "watchpost agents enroll --region eu-west",
    "watchpost agents revoke agt_0123456789abcdefghij",
    "watchpost agents upgrade --region eu-west",
    "watchpost agents troubles",
    "watchpost agents enroll --help",
  ]).action((options: JsonOption) => listAgents(context, options));
  addList(agents, context);
  addShow(agents, context);
  addDrain(agents, context);
  addResume(agents, context);
  addEnroll(agents, context);
  addTokens(agents, context);
  addTroubles(agents, context);
  addRotate(agents, context);
  addRevoke(agents, context);
  addUpgrade(agents, context);
}
