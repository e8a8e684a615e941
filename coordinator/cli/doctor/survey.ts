import { errorText } from "../../../shared/errors.ts";
import type { AgentRow, AlertRuleRow, ChannelRow, MonitorRow, RegionRow } from "../../http/api-types.ts";
import type { ApiClient } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import type { Access } from "../settings.ts";
import { fetchText } from "../transport.ts";

const DEADLINE_MS = 5_000;

/** What `/readyz` says of each thing that the coordinator needs. */
export type Readiness = Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;

/** What a coordinator tells of itself and of what it watches. */
export interface Survey {
  readonly url: string;
  readonly readiness: Readiness;
  /**
   * The coordinator's clock minus this machine's, in ms, is between these two: the
   * Date header has whole seconds, and the answer took its time.
   */
  readonly clockAhead: readonly [least: number, most: number] | null;
  /** What needs the token, or why it was not to be had. */
  readonly api: ApiView | CommandFailure;
}

export interface ApiView {
  readonly regions: readonly RegionRow[];
  readonly agents: readonly AgentRow[];
  readonly monitors: readonly MonitorRow[];
  readonly rules: readonly AlertRuleRow[];
  readonly channels: readonly ChannelRow[];
}

/** Asks the coordinator for all that the checks look at; a CommandFailure when it does not answer. */
export async function surveyCoordinator(
  access: Access,
  client: ApiClient,
  now: () => number,
): Promise<Survey | CommandFailure> {
  try {
    const asked = now();
    const { text, headers } = await fetchText(new URL(`${access.url}/readyz`), access.url, DEADLINE_MS);
    const answered = now();
    const readiness = readReadiness(text);
    if (readiness === null) {
      return new CommandFailure(1, `what answers at ${access.url} is not a Watchpost coordinator`, {
        remedy: "set WATCHPOST_URL to where it is",
      });
    }
    const date = Date.parse(headers.get("date") ?? "");
    return {
      url: access.url,
      readiness,
      clockAhead: Number.isNaN(date) ? null : [date - answered, date + 1_000 - asked],
      api: await askApi(client),
    };
  } catch (thrown) {
    return asFailure(thrown);
  }
}

async function askApi(client: ApiClient): Promise<ApiView | CommandFailure> {
  try {
    const [regions, agents, monitors, rules, channels] = await Promise.all([
      client.list<RegionRow>("/v1/regions"),
      client.list<AgentRow>("/v1/agents"),
      client.list<MonitorRow>("/v1/monitors"),
      client.list<AlertRuleRow>("/v1/alert-rules"),
      client.list<ChannelRow>("/v1/channels"),
    ]);
    return { regions, agents, monitors, rules, channels };
  } catch (thrown) {
    return asFailure(thrown);
  }
}

function asFailure(thrown: unknown): CommandFailure {
  return thrown instanceof CommandFailure ? thrown : new CommandFailure(1, errorText(thrown));
}

function readReadiness(text: string): Readiness | null {
  try {
    return (JSON.parse(text) as { checks?: Readiness }).checks ?? null;
  } catch {
    return null;
  }
}
