import type { LiveEvent } from "../http/api-types.ts";

const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
/** So many heartbeats may be missing. */
const PATIENCE = 2.5;
/** The coordinator does not take the token: asking again would not help. */
const CLOSE_REFUSED = 4001;

export interface Live {
  /** Whether what happens is told at once; else it has to be asked for. */
  connected(): boolean;
  close(): void;
}

/**
 * Hears what happens at the coordinator, on a connection that is made again whenever
 * it breaks. It is a hint to load, and nothing that is shown comes from it.
 */
export function connectLive(token: string, onEvent: (event: LiveEvent) => void): Live {
  let socket: WebSocket | undefined;
  let isConnected = false;
  let failures = 0;
  let retry: number | undefined;
  let silence: number | undefined;
  let patienceMs = 0;
  let closed = false;

  function hear({ data }: MessageEvent): void {
    const event = JSON.parse(String(data)) as LiveEvent;
    if (event.type === "welcome") {
      isConnected = true;
      failures = 0;
      patienceMs = PATIENCE * event.heartbeatMs;
    }
    clearTimeout(silence);
    silence = setTimeout(() => socket?.close(), patienceMs);
    onEvent(event);
  }

  function open(): void {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/live`);
    // A browser cannot send the header, and an address would end up in logs.
    socket.onopen = () => socket?.send(JSON.stringify({ type: "hello", token }));
    socket.onmessage = hear;
    socket.onclose = ({ code }) => {
      clearTimeout(silence);
      if (isConnected && !closed) onEvent({ type: "gap" });
      isConnected = false;
      if (closed || code === CLOSE_REFUSED) return;
      const wait = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** failures++);
      retry = setTimeout(open, wait * (0.5 + Math.random() / 2));
    };
  }

  function close(): void {
    closed = true;
    clearTimeout(retry);
    clearTimeout(silence);
    // One that is being made is closed when it is there: browsers complain of it otherwise.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket?.close();
    else socket?.close();
  }

  open();
  return { connected: () => isConnected, close };
}
