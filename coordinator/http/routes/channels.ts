import type { FastifyInstance } from "fastify";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import { newId } from "../../../shared/id.ts";
import { compose } from "../../notify/compose.ts";
import type { ChannelDraft, ChannelStore, StoredChannel } from "../../store/channels.ts";
import type { DeliveryStore } from "../../store/deliveries.ts";
import { hideSecrets, readChannel } from "../channel-document.ts";
import { notFound, Problem } from "../problem.ts";

type ById = { Params: { id: string } };

/** `/v1/channels`: the ways to tell people. Secrets go in and never come out. */
export function channelRoutes(
  app: FastifyInstance,
  deps: {
    readonly channels: ChannelStore;
    readonly deliveries: DeliveryStore;
    readonly publicUrl: string | null;
    readonly clock: Clock;
  },
): void {
  const { channels, deliveries, publicUrl, clock } = deps;

  async function find(id: string): Promise<StoredChannel> {
    const channel = await channels.get(id);
    if (!channel) throw notFound("channel", id);
    return channel;
  }

  async function put(id: string, draft: ChannelDraft): Promise<StoredChannel> {
    const channel = await channels.put(id, draft);
    if (channel) return channel;
    const rule = "must be of no other channel";
    throw new Problem(409, `name: ${rule}`, [{ field: "name", rule }]);
  }

  app.get("/v1/channels", async () => ({ data: (await channels.list()).map(present), nextCursor: null }));
  app.get<ById>("/v1/channels/:id", async ({ params }) => present(await find(params.id)));

  app.post("/v1/channels", async ({ body }, reply) => {
    const channel = await put(newId("chn"), readChannel(body));
    return reply.code(201).header("location", `/v1/channels/${channel.id}`).send(present(channel));
  });

  app.put<ById>("/v1/channels/:id", async ({ params, body }) => {
    const current = await find(params.id);
    return present(
      await put(
        current.id,
        readChannel(body, (type) => (type === current.type ? channels.open(current) : null)),
      ),
    );
  });

  app.delete<ById>("/v1/channels/:id", async ({ params }, reply) => {
    if (!(await channels.remove(params.id))) throw notFound("channel", params.id);
    return reply.code(204).send();
  });

  app.post<ById>("/v1/channels/:id/test", async ({ params }, reply) => {
    const channel = await find(params.id);
    const id = newId("dlv");
    const lines = [`This is a test of the channel ${channel.name}.`];
    const content = compose(
      { id, event: "test", at: clock.now(), monitor: null, region: null, incident: null, trouble: null, lines },
      publicUrl,
    );
    await deliveries.add({ id, channelId: channel.id, content });
    return reply.code(202).header("location", `/v1/deliveries/${id}`).send({ deliveryId: id });
  });
}

function present({ createdAt, updatedAt, settings, ...channel }: StoredChannel) {
  return {
    ...channel,
    settings: hideSecrets(channel.type, settings),
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
  };
}
