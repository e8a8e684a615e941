/** Where agents keep their link, as a path of the coordinator's HTTP server. */
export const LINK_PATH = "/agent/link";
/** Where an agent's connections to Redis go through the coordinator. */
export const TUNNEL_PATH = "/agent/redis";
/** No frame of the tunnel is longer, in bytes. */
export const MAX_TUNNEL_FRAME_BYTES = 65_536;
/** A tunnel in which an agent says nothing for so long is closed, in ms. */
export const TUNNEL_IDLE_MS = 60_000;
/** Where an agent becomes one: it brings an enrolment token and is given a credential. */
export const ENROLL_PATH = "/agent/enroll";
/** A machine whose clock is further off does not become an agent, in ms. */
export const MAX_CLOCK_ERROR_MS = 120_000;
/** How often an agent says that it lives, in ms; it counts as offline after three of them missing. */
export const HEARTBEAT_MS = 3_000;
/** Silence after which an agent counts as offline, in ms. */
export const OFFLINE_AFTER_MS = 9_500;
/** No link message is longer, in bytes. */
export const MAX_LINK_MESSAGE_BYTES = 16_384;
/** The link's close code for credentials or a hello that no repetition will mend (RFC 6455 §7.4.2). */
export const CLOSE_REFUSED = 4001;
