import { isDeepStrictEqual } from "node:util";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import { newId } from "../../../shared/id.ts";
import type { AnyChannel, ChannelType } from "../../notify/channels/channel.ts";
import { channelTypes } from "../../notify/channels/channel.ts";
import { channels as kinds } from "../../notify/channels/index.ts";
import { compose } from "../../notify/compose.ts";
import { SecretRefused } from "../../secrets/refusal.ts";
import type { ChannelDraft, ChannelStore, StoredChannel } from "../../store/channels.ts";
import type { DeliveryStore } from "../../store/deliveries.ts";
import { notFound, Problem } from "../problem.ts";
import { validate } from "../validate.ts";

/** What stands in an answer for a secret; sent back, it leaves the secret as it is. */
const HIDDEN = "***";

const document = z.strictObject({
  name: z.string().trim().min(1, "must not be empty").max(200, "must be at most 200 characters"),
  type: z.enum(channelTypes),
  enabled: z.boolean().default(true),
  settings: z.record(z.string(), z.unknown()).default({}),
});
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
    const channel = await put(
      newId("chn"),
      read(body, () => null),
    );
    return reply.code(201).header("location", `/v1/channels/${channel.id}`).send(present(channel));
  });

  app.put<ById>("/v1/channels/:id", async ({ params, body }) => {
    const current = await find(params.id);
    return present(
      await put(
        current.id,
        read(body, (type) => (type === current.type ? channels.open(current) : null)),
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

/**
 * The channel that a document describes, with the current secrets where it hides them.
 * @param currentOf its settings in plain; null when there is none, or it is of another type
 */
function read(body: unknown, currentOf: (type: ChannelType) => ChannelDraft["settings"] | null): ChannelDraft {
  const { settings: given, ...draft } = validate(document, body);
  const { secrets, place, settings: schema } = kinds[draft.type] as AnyChannel;
  const current = currentOf(draft.type);
  const kept = secrets.filter((name) => given[name] === HIDDEN);
  refuse(
    kept.filter((name) => current?.[name] === undefined),
    "there is no stored secret to keep: give its text",
  );
  const settings = { ...given, ...Object.fromEntries(kept.map((name) => [name, current?.[name]])) };
  const checked = validate(z.object({ settings: schema }), { settings }).settings as ChannelDraft["settings"];
  const moved = place.filter((name) => !isDeepStrictEqual(checked[name], current?.[name]));
  if (moved.length > 0) refuse(kept, `must be given again, because ${moved.join(", ")} changed`);
  return { ...draft, settings: checked };
}

function refuse(names: readonly string[], rule: string): void {
  if (names.length > 0) throw new SecretRefused(names.map((name) => ({ field: `settings.${name}`, rule })));
}

function present({ createdAt, updatedAt, settings, ...channel }: StoredChannel) {
  return {
    ...channel,
    settings: hideSecrets(channel.type, settings),
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
  };
}

function hideSecrets(type: ChannelType, settings: StoredChannel["settings"]) {
  const { secrets } = kinds[type] as { readonly secrets: readonly string[] };
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, secrets.includes(name) && value ? HIDDEN : value]),
  );
}
