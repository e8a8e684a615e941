import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { addReplay } from "./replay.ts";

export function addVerdict(parent: Command, context: CliContext): void {
  const verdict = parent.command("verdict").description("Ask how regions are judged together");
  addReplay(verdict, context);
}
