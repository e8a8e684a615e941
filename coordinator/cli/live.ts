import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { errorText } from "../../shared/errors.ts";
import { CLOSE_REFUSED } from "../../shared/link.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { LiveEvent } from "../http/api-types.ts";
import { CommandFailure } from "./failure.ts";
import type { Access } from "./settings.ts";

const CONNECT_MS = 10_000;
/** So many heartbeats may be missing. */
const PATIENCE = 2.5;
const BACKOFF = { baseMs: 250, capMs: 10_000 };

/**
 * Hears what happens at the coordinator until told that it is enough; when the
 * connection is lost after the first event, it is made again with backoff.
 * @param onEvent true when nothing more is wanted.
 * @throws CommandFailure when the coordinator is not there at first, or refuses the token.
 */
export async function hearLive(
  access: Access & { readonly token: string },
  onEvent: (event: LiveEvent) => boolean,
  onLost: (reason: string) => void,
): Promise<void> {
  let everHeard = false;
  for (let failures = 0; ; failures++) {
    const outcome = await hearOnce(access, (event) => {
      // What happened while nobody listened is not told again.
      if (everHeard && event.type === "welcome" && onEvent({ type: "gap" })) return true;
      everHeard = true;
      failures = 0;
      return onEvent(event);
    });
    if (outcome === "enough") return;
    if (outcome.isRefused) {
      throw new CommandFailure(2, "the coordinator refused the token", { remedy: "set WATCHPOST_TOKEN to its" });
    }
    if (!everHeard) {
      throw new CommandFailure(1, `the coordinator is not reachable at ${access.url} (${outcome.reason})`, {
        remedy: "start it with `watchpost start` or `watchpost coordinator`, or set WATCHPOST_URL to where it is",
      });
    }
    onLost(outcome.reason);
    await sleep(backoffMs(failures, BACKOFF));
  }
}

async function hearOnce(
  { url, token }: { readonly url: string; readonly token: string },
  onEvent: (event: LiveEvent) => boolean,
): Promise<"enough" | { readonly reason: string; readonly isRefused: boolean }> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/live`, {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: CONNECT_MS,
    maxPayload: 1_048_576,
  });
  let enough = false;
  let reason = "the connection was closed";
  let silence: NodeJS.Timeout | undefined;
  socket.on("error", (thrown) => {
    reason = errorText(thrown);
  });
  socket.on("message", (data) => {
    if (enough) return;
    const event = JSON.parse(String(data)) as LiveEvent;
    if (event.type === "welcome") {
      const patienceMs = PATIENCE * event.heartbeatMs;
      silence = setTimeout(() => {
        reason = `silent for ${Math.round(patienceMs / 1_000)} s`;
        socket.terminate();
      }, patienceMs);
    }
    silence?.refresh();
    enough = onEvent(event);
    if (enough) socket.close();
  });
  const code = await new Promise<number>((resolve) => socket.on("close", resolve));
  clearTimeout(silence);
  return enough ? "enough" : { reason, isRefused: code === CLOSE_REFUSED || /\b401\b/.test(reason) };
}
