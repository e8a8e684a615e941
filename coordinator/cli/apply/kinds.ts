import { formatDuration } from "../../../shared/duration.ts";
import type { newId } from "../../../shared/id.ts";
import { monitorDocument } from "../../../shared/monitor.ts";
import { readChannel } from "../../http/channel-document.ts";
import { validate } from "../../http/validate.ts";
import { toWindowDocument, windowDocument } from "../../maintenance/document.ts";
import { alertRuleDocument, toRuleDocument } from "../../notify/rule.ts";
import type { ApiClient } from "../client.ts";
import { replacing } from "./patch.ts";

/** One that there is, as the API returns it. */
export interface Row {
  readonly id: string;
  readonly name: string;
}

/** What a file can hold. */
export interface Kind {
  /** What people call one. */
  readonly noun: string;
  /** Its list in the API. */
  readonly path: string;
  /** What its ids begin with. */
  readonly prefix: Parameters<typeof newId>[0];
  /** The places in its document that name others, and of which kind they are. */
  readonly references: Readonly<Record<string, KindName>>;
  /**
   * The document as the API would return it, with every default. Secrets stand in it as they were
   * written: what is stored is never shown, so that something with one always differs.
   * @throws Problem or SecretRefused, which name every field and the rule that it breaks.
   */
  asReturned(document: unknown): object;
  /** Makes of one that there is what the document says; what it leaves out goes back to its default. */
  change(client: ApiClient, row: Row, document: object): Promise<unknown>;
}

export type KindName = "channels" | "monitors" | "rules" | "maintenance";

const patch = (client: ApiClient, path: string, current: Row, document: object) =>
  client.patch(`${path}/${current.id}`, replacing(documentOf(current), document));

/** By what a file calls them. */
export const kinds: Readonly<Record<KindName, Kind>> = {
  channels: {
    noun: "channel",
    path: "/v1/channels",
    prefix: "chn",
    references: {},
    asReturned: (document) => readChannel(document),
    change: (client, { id }, document) => client.put(`/v1/channels/${id}`, document),
  },
  monitors: {
    noun: "monitor",
    path: "/v1/monitors",
    prefix: "mon",
    references: { "dependsOn.*": "monitors" },
    asReturned(document) {
      const { intervalMs, timeoutMs, ...rest } = validate(monitorDocument, document);
      return { ...rest, interval: formatDuration(intervalMs), timeout: formatDuration(timeoutMs) };
    },
    change: (client, row, document) => patch(client, "/v1/monitors", row, document),
  },
  rules: {
    noun: "rule",
    path: "/v1/alert-rules",
    prefix: "rul",
    references: { "steps.*.channels.*": "channels", "monitors.*": "monitors" },
    asReturned: (document) => toRuleDocument(validate(alertRuleDocument, document)),
    change: (client, { id }, document) => client.put(`/v1/alert-rules/${id}`, document),
  },
  maintenance: {
    noun: "maintenance window",
    path: "/v1/maintenance",
    prefix: "mnt",
    references: { "monitors.*": "monitors" },
    asReturned: (document) => toWindowDocument(validate(windowDocument, document)),
    change: (client, row, document) => patch(client, "/v1/maintenance", row, document),
  },
};

export const kindNames = Object.keys(kinds) as readonly KindName[];

/** What the API adds to a document that it returns. */
const added = new Set(["id", "revision", "createdAt", "updatedAt", "status", "active", "next"]);

/** The document of one that there is. */
export const documentOf = (row: Row): object =>
  Object.fromEntries(Object.entries(row).filter(([field]) => !added.has(field)));
