import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { AnyChannel } from "../../notify/channels/channel.ts";
import { channels } from "../../notify/channels/index.ts";

/** `/v1/channel-types`: what each type of channel takes, so that a form can be made of it. */
export function channelTypeRoutes(app: FastifyInstance): void {
  const types = Object.entries<AnyChannel>(channels).map(([type, { settings, secrets }]) => ({
    type,
    settings: z.toJSONSchema(settings, { io: "input" }),
    secrets,
  }));
  app.get("/v1/channel-types", async () => ({ data: types, nextCursor: null }));
}
