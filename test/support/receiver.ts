import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./until.ts";

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: any;
}

/** An HTTP server that channels post JSON to; what it takes it answers as ntfy does, and webhooks mind no answer. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** The status of every answer from now on; 200 until it is called. */
  answerWith(status: number): void;
  /** Waits until it has received so many. */
  hears(count: number): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url: path = "", headers } = request;
    received.push({ path, headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
    response.writeHead(status).end(status === 200 ? '{"id":"1","event":"message"}' : undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answerWith(next) {
      status = next;
    },
    hears: (count) =>
      until(
        () => received,
        ({ length }) => length >= count,
      ),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
