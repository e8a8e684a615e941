import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import { throughProxy } from "./proxy.ts";

/** What the coordinator answers with is small. */
const MAX_ANSWER_BYTES = 65_536;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Posts JSON and reads the answer. Redirects are not followed.
 * @param authorities who may vouch for the server, in PEM; null for the public ones
 * @throws Error of the connection, or a TimeoutError after so many ms
 */
export async function postJson(
  url: string,
  body: object,
  { authorities, deadlineMs }: { readonly authorities: readonly string[] | null; readonly deadlineMs: number },
): Promise<Answer> {
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  const content = JSON.stringify(body);
  const signal = AbortSignal.timeout(deadlineMs);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "content-length": Buffer.byteLength(content),
      },
      signal,
      agent: false,
      ...throughProxy(url),
      ...(authorities && { ca: [...authorities] }),
    });
    const fail = (thrown: unknown) => reject(signal.aborted ? signal.reason : thrown);
    sent.on("error", fail);
    sent.on("response", (response) => {
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) response.destroy(new Error("the answer is too long"));
      });
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, text: answer }), fail);
    });
    sent.end(content);
  });
}
