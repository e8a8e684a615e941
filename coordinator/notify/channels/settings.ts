import { z } from "zod";

/** An address to post to. */
export const httpUrl = z
  .string()
  .max(2_048, "must be at most 2048 characters")
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), {
    message: "must be an http:// or https:// URL",
  })
  .refine((value) => !URL.canParse(value) || (new URL(value).username === "" && new URL(value).password === ""), {
    message: "must not hold a user name or password",
  });

/** The base URL of an API: no query, no fragment. */
export const baseUrl = httpUrl.refine((value) => !/[?#]/.test(value), { message: "must have no query or fragment" });

/** A key or token; it stands in headers and URLs. */
export const token = z
  .string()
  .regex(/^[\x21-\x7e]{1,1024}$/, "must be 1 to 1024 visible ASCII characters without spaces");

/** A text for people, on one line. */
export const line = (max: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(max, `must be at most ${max} characters`)
    .regex(/^[^\p{Cc}\p{Surrogate}]*$/u, "must not hold control characters");

/** A whole number within bounds, both included. */
export const whole = (min: number, max: number) =>
  z
    .int(`must be a whole number from ${min} to ${max}`)
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`);

/** A path under a base URL, whether or not that ends in a slash. */
export const under = (base: string, path: string): string => `${base.replace(/\/+$/, "")}${path}`;
