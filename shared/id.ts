import { customAlphabet } from "nanoid";

/**
 * Letters and digits only: ids stand in URLs, BullMQ job ids (where `:` is
 * refused) and Redis key patterns without escaping. 20 characters of 36 are 103
 * bits, beyond accidental collision.
 */
const random = customAlphabet("0123456789abcdefghijklmnopqrstuvwxyz", 20);

/** A new id such as `mon_4k2j…`; the prefix tells people what the id is of. */
export function newId(
  prefix: "mon" | "agt" | "job" | "tok" | "enr" | "crd" | "inc" | "chn" | "rul" | "mnt" | "dlv" | "upg" | "trb",
): string {
  return `${prefix}_${random()}`;
}

const secret = customAlphabet("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 43);

/**
 * A bearer secret of 256 bits, with a prefix by which leaked ones can be found: of the admin, of agents that share
 * one, of one agent, of one enrolment, of the API.
 */
export function newSecret(prefix: "wpa" | "wpg" | "wps" | "wpe" | "wpt"): string {
  return `${prefix}_${secret()}`;
}
