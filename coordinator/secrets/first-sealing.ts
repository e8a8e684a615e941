import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { DeploymentStore } from "../store/deployment.ts";
import type { Rotation } from "./rotation.ts";

/** Kept once it has been done. */
const NAME = "secrets-are-sealed";

/** Seals at the first start what is in the database from before secrets were sealed. */
export function createFirstSealing({
  rotation,
  store,
  logger,
}: {
  readonly rotation: Pick<Rotation, "rotate">;
  readonly store: Pick<DeploymentStore, "get" | "keep">;
  readonly logger: Logger;
}): Part {
  return {
    async start() {
      if ((await store.get(NAME)) !== null) return;
      const { monitors } = await rotation.rotate(Number.POSITIVE_INFINITY);
      await store.keep(NAME, "yes");
      if (monitors > 0) logger.info({ monitors }, "The secrets of monitors are sealed from now on");
    },
    stop: async () => undefined,
  };
}
