import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentLoad } from "../../shared/agent-message.ts";
import { writeBearer } from "../../shared/agent-secret.ts";
import { HEARTBEAT_MS } from "../../shared/link.ts";
import { formatManifest } from "../../shared/release.ts";
import { agentLink, idle } from "./agent-link.ts";
import type { TestCoordinator } from "./coordinator.ts";
import { until } from "./until.ts";

/** An enrolled agent that is played by hand. */
export interface UpgradableAgent {
  readonly id: string;
  /** All that the coordinator said to it. */
  readonly said: any[];
  say(message: object): void;
  leave(): void;
}

/** Lays out releases of nothing. */
export async function layOutReleases(dir: string, versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    await mkdir(join(dir, version), { recursive: true });
    await writeFile(join(dir, version, "manifest"), formatManifest({ version, files: [] }));
  }
}

/** Enrols one, links it to a coordinator, and resolves when another one knows of it too. */
export async function upgradableAgent(
  { at, knownTo = at }: { readonly at: TestCoordinator; readonly knownTo?: TestCoordinator },
  region: string,
  { version = "1.0.0", load = { ...idle, upgradable: true } }: { version?: string; load?: AgentLoad } = {},
): Promise<UpgradableAgent> {
  const { body: made } = await at.call("POST", "/v1/enrollment-tokens", { region });
  const told = { token: made.token, host: "fra1", version, arch: "x64" };
  const { body: credential } = await at.call("POST", "/agent/enroll", told, null);
  const { agentId: id } = credential;
  const link = agentLink(at.url, writeBearer(credential));
  const said: any[] = [];
  link.on("message", (data) => said.push(JSON.parse(String(data))));
  await once(link, "open");
  const say = (message: object) => link.send(JSON.stringify(message));
  say({ type: "hello", v: 1, agentId: id, region, version, host: "fra1", node: "v24.0.0" });
  const beat = () => say({ type: "heartbeat", load });
  beat();
  const beats = setInterval(beat, HEARTBEAT_MS);
  await until(
    async () => (await knownTo.call("GET", "/v1/agents")).body.data.find((agent: any) => agent.id === id),
    (row) => row?.load?.upgradable === load.upgradable,
  );
  const leave = () => {
    clearInterval(beats);
    link.terminate();
  };
  return { id, said, say, leave };
}
