import { Agent, type AgentOptions } from "node:https";

/**
 * The option of a request or a WebSocket by which HTTPS goes through the proxy that the environment names
 * (`https_proxy`, but not to what `no_proxy` names). None where it names none, and before Node 24.5 no effect;
 * the agent's executable has a newer one inside. Plain HTTP goes directly: proxies do not pass WebSockets on that are not
 * tunnelled, and a coordinator without HTTPS is one for a trial.
 */
export function throughProxy(url: string, env: NodeJS.ProcessEnv = process.env): { readonly agent?: Agent } {
  const isMeant = /^(https|wss):/.test(url) && Boolean(env.https_proxy ?? env.HTTPS_PROXY);
  return isMeant ? { agent: new Agent({ proxyEnv: env } as AgentOptions) } : {};
}
