import { Client } from "undici";

/** A check as undici is used by its book: a client of its own, so that its connection is fresh. */
export function undiciCheck(url: URL, authority: string): () => Promise<void> {
  return async () => {
    const client = new Client(url.origin, { connect: { ca: authority, allowH2: false } });
    try {
      const { statusCode, body } = await client.request({ method: "GET", path: url.pathname });
      await body.text();
      if (statusCode !== 200) throw new Error(`the target said ${statusCode}`);
    } finally {
      await client.close();
    }
  };
}
