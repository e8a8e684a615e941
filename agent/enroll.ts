import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, resolve } from "node:path";
import type { AgentCredential } from "../shared/credential.ts";
import { readCredential } from "../shared/credential.ts";
import { writeDurably } from "../shared/durable-file.ts";
import { errorText } from "../shared/errors.ts";
import { ENROLL_PATH } from "../shared/link.ts";
import { readVersion } from "../shared/version.ts";
import { writeCredential } from "./credential.ts";
import { postJson } from "./post-json.ts";

/** How long the coordinator may take, in ms. */
const DEADLINE_MS = 20_000;

/** Why this machine did not become an agent, in one line that says what to do. */
export class EnrollmentFailure extends Error {
  override readonly name = "EnrollmentFailure";
}

/**
 * Makes this machine an agent: brings an enrolment token to the coordinator, and keeps the credential that comes for
 * it in a file of mode 0600, whole or not at all.
 * @param coordinatorUrl the coordinator's base URL, as the agent is to reach it from now on
 * @param region where this machine is to check from, if that was said: a token of another region is refused, and stays good
 * @param now the machine's clock, in ms since the epoch: the coordinator refuses one that is 2 minutes off
 * @throws EnrollmentFailure
 */
export async function enroll({
  coordinatorUrl,
  token,
  output,
  region,
  authorities = null,
  now = Date.now,
}: {
  readonly coordinatorUrl: string;
  readonly token: string;
  readonly output: string;
  readonly region?: string | undefined;
  /** Who may vouch for the coordinator, in PEM; null for the public ones. */
  readonly authorities?: readonly string[] | null;
  readonly now?: () => number;
}): Promise<AgentCredential> {
  const base = coordinatorUrl.replace(/\/+$/, "");
  if (!/^wpe_[0-9A-Za-z]{43}$/.test(token)) {
    throw new EnrollmentFailure("this is no enrolment token: copy it whole, as `watchpost agents enroll` printed it");
  }
  await mustBeWritable(output);
  const host = hostname().slice(0, 255) || "unknown";
  const machine = { host, version: readVersion(), arch: process.arch, clockMs: now() };
  const answer = await ask(base, { token, ...machine, region }, authorities);
  let credential: AgentCredential;
  try {
    // How it was reached now is how it can be reached.
    credential = readCredential({ ...answer, coordinatorUrl: base });
  } catch (thrown) {
    throw new EnrollmentFailure(`what ${base} gave for the token is no credential: ${errorText(thrown)}`);
  }
  try {
    await writeDurably(dirname(resolve(output)), basename(output), writeCredential(credential));
  } catch (thrown) {
    throw new EnrollmentFailure(
      `the credential could not be written to ${output}, and its token is used up: ${errorText(thrown)}`,
    );
  }
  return credential;
}

/** Before the token is used up. */
async function mustBeWritable(output: string): Promise<void> {
  const dir = dirname(resolve(output));
  try {
    await access(dir, constants.W_OK);
  } catch (thrown) {
    throw new EnrollmentFailure(`nothing can be written to ${dir}: ${errorText(thrown)}`);
  }
}

async function ask(base: string, body: object, authorities: readonly string[] | null): Promise<object> {
  let status: number;
  let text: string;
  try {
    ({ status, text } = await postJson(base + ENROLL_PATH, body, { authorities, deadlineMs: DEADLINE_MS }));
  } catch (thrown) {
    throw new EnrollmentFailure(`the coordinator is not reachable at ${base}: ${reasonOf(thrown)}`);
  }
  const answer = parse(text);
  if (status === 201 && answer !== null) return answer;
  const { detail } = (answer ?? {}) as { detail?: unknown };
  if (typeof detail === "string") throw new EnrollmentFailure(detail.replace(/\s+/g, " ").slice(0, 500));
  throw new EnrollmentFailure(`what answers at ${base} (with HTTP ${status}) is not a coordinator that enrols agents`);
}

function parse(text: string): object | null {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function reasonOf(thrown: unknown): string {
  if ((thrown as Error).name === "TimeoutError") return `no answer within ${DEADLINE_MS / 1_000} s`;
  return errorText(thrown);
}
