import { STATUS_CODES } from "node:http";
import type { FieldError, ProblemDocument } from "./api-types.ts";

/** An answer that is an error: a problem document of RFC 9457. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly errors: readonly FieldError[];

  constructor(status: number, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }

  toJSON(): ProblemDocument {
    return {
      type: "about:blank",
      title: STATUS_CODES[this.status] ?? "Error",
      status: this.status,
      detail: this.message,
      ...(this.errors.length > 0 && { errors: this.errors }),
    };
  }
}

export const notFound = (what: string, id: string): Problem => new Problem(404, `There is no ${what} ${id}.`);
