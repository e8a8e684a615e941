import type { Part } from "../shared/lifecycle.ts";
import { HEARTBEAT_MS } from "../shared/link.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import type { CheckWorker } from "./worker.ts";

/** While the link is down, the coordinator learns from the results queue that the agent lives and takes checks. */
export function createSignsOfLife({
  link,
  worker,
  outbox,
}: {
  readonly link: Pick<Link, "isUp">;
  readonly worker: Pick<CheckWorker, "work">;
  readonly outbox: Pick<Outbox, "signOfLife">;
}): Part {
  let timer: NodeJS.Timeout | undefined;
  return {
    async start() {
      timer = setInterval(() => {
        if (!link.isUp && worker.work === "taking") outbox.signOfLife();
      }, HEARTBEAT_MS);
    },
    async stop() {
      clearInterval(timer);
    },
  };
}
