import type { RegionStatus } from "../http/api-types.ts";
import { h } from "./dom.ts";

/** What failed: the code for programs, the message for people. */
export function errorMessage({ code, message }: NonNullable<RegionStatus["error"]>): HTMLElement {
  return h("span", { class: "message" }, h("code", {}, code), " ", message);
}
