import { ConfigError } from "./errors.ts";

/**
 * One environment variable: its name, how its text is read, and what people are
 * told about it. `read` throws an Error whose message completes "NAME …", such
 * as "must be a whole number from 1 to 65535".
 */
export interface Setting<T> {
  readonly variable: string;
  readonly about: string;
  /** How values look, for the list in the README. */
  readonly form: string;
  readonly fallback: T;
  readonly read: (text: string) => T;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type ValuesOf<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/**
 * The values of all settings, from an environment. A variable that is unset or
 * empty takes its fallback.
 * @throws ConfigError naming every variable that is wrong and its rule.
 */
export function readSettings<S extends Settings>(settings: S, env: NodeJS.ProcessEnv): ValuesOf<S> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings)) {
    const text = env[setting.variable];
    try {
      values[key] = text === undefined || text === "" ? setting.fallback : setting.read(text);
    } catch (thrown) {
      problems.push(`${setting.variable} ${(thrown as Error).message}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join("; "));
  return values as ValuesOf<S>;
}

interface Described {
  readonly variable: string;
  readonly about: string;
}

/** A text, optionally of a given shape; `rule` tells it, and so does `form` where people read of the variable. */
export function text<F extends string | null>(
  options: Described & {
    readonly fallback: F;
    readonly form?: string;
    readonly pattern?: RegExp;
    readonly rule?: string;
  },
): Setting<string | F> {
  return {
    variable: options.variable,
    about: options.about,
    form: options.form ?? options.rule?.replace(/^must be /, "") ?? "text",
    fallback: options.fallback,
    read(value) {
      if (options.pattern && !options.pattern.test(value))
        throw new Error(options.rule ?? `must match ${options.pattern}`);
      return value;
    },
  };
}

/** A token that is presented in an HTTP header: long enough not to be guessed. Its text never appears in an error. */
export function secret(options: Described): Setting<string | null> {
  return text({
    ...options,
    fallback: null,
    pattern: /^[\x21-\x7e]{20,256}$/,
    rule: "must be 20 to 256 visible ASCII characters without spaces",
  });
}

/** A whole number within bounds, both included. */
export function wholeNumber<F extends number | null>(
  options: Described & { readonly fallback: F; readonly min: number; readonly max: number; readonly unit?: string },
): Setting<number | F> {
  const { min, max, unit } = options;
  return {
    variable: options.variable,
    about: options.about,
    form: `${min} to ${max}${unit ? ` ${unit}` : ""}`,
    fallback: options.fallback,
    read(value) {
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < min || number > max) {
        throw new Error(`must be a whole number from ${min} to ${max}${unit ? ` (${unit})` : ""}, not "${value}"`);
      }
      return number;
    },
  };
}

/** A URL of one of the given schemes. Its text never appears in an error: it may hold a password. */
export function url<F extends string | null>(
  options: Described & { readonly fallback: F; readonly schemes: readonly string[] },
): Setting<string | F> {
  const form = options.schemes.map((scheme) => `${scheme}://…`).join(" or ");
  return {
    variable: options.variable,
    about: options.about,
    form,
    fallback: options.fallback,
    read(value) {
      const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : null;
      if (scheme === null || !options.schemes.includes(scheme)) throw new Error(`must be a URL such as ${form}`);
      return value;
    },
  };
}

/** One word of a fixed list. */
export function oneOf<const V extends string>(
  options: Described & { readonly fallback: NoInfer<V>; readonly values: readonly V[] },
): Setting<V> {
  return {
    variable: options.variable,
    about: options.about,
    form: options.values.join(", "),
    fallback: options.fallback,
    read(value) {
      const found = options.values.find((known) => known === value);
      if (found === undefined) throw new Error(`must be one of ${options.values.join(", ")}, not "${value}"`);
      return found;
    },
  };
}

/** Some words of a fixed list, separated by commas, in the order of the list. */
export function someOf<const V extends string>(
  options: Described & { readonly fallback: NoInfer<readonly V[]>; readonly values: readonly V[] },
): Setting<readonly V[]> {
  return {
    variable: options.variable,
    about: options.about,
    form: `some of ${options.values.join(",")}`,
    fallback: options.fallback,
    read(value) {
      const wanted = value.split(",").map((word) => word.trim());
      if (!wanted.every((word) => options.values.some((known) => known === word))) {
        throw new Error(`must be some of ${options.values.join(",")}, not "${value}"`);
      }
      return options.values.filter((known) => wanted.includes(known));
    },
  };
}

/** Absolute paths, separated by commas. */
export function absolutePaths(options: Described): Setting<readonly string[]> {
  return {
    variable: options.variable,
    about: options.about,
    form: "absolute paths, separated by commas",
    fallback: [],
    read(value) {
      const paths = value.split(",").map((path) => path.trim());
      if (!paths.every((path) => path.startsWith("/"))) {
        throw new Error(`must be absolute paths, separated by commas, not "${value}"`);
      }
      return paths;
    },
  };
}

/** `true` or `false`, also written 1/0, yes/no, on/off. */
export function flag(options: Described & { readonly fallback: boolean }): Setting<boolean> {
  return {
    variable: options.variable,
    about: options.about,
    form: "true or false",
    fallback: options.fallback,
    read(value) {
      if (/^(true|1|yes|on)$/i.test(value)) return true;
      if (/^(false|0|no|off)$/i.test(value)) return false;
      throw new Error(`must be true or false, not "${value}"`);
    },
  };
}
