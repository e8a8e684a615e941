import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Release, ReleaseFile } from "../../shared/release.ts";
import { compareVersions, isReleaseVersion, MANIFEST, parseManifest } from "../../shared/release.ts";

/** The agent's releases that this coordinator has to give, as they lie in a directory. */
export interface Releases {
  /** The versions, the latest first. */
  versions(): Promise<string[]>;
  /** The release of that version, or the latest one; null when there is none. */
  get(version: string): Promise<FoundRelease | null>;
}

export interface FoundRelease extends Release {
  /** The manifest's text. */
  readonly manifest: string;
  /** One of its files, and where it is; null when it has none of that name. */
  file(name: string): { readonly file: ReleaseFile; readonly path: string } | null;
}

export const LATEST = "latest";

/** Where `npm run build:agent` puts releases: beside this program, or in `dist` from the sources. */
export const builtReleases = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/agent-release" : "../../agent-release", import.meta.url),
);

/** @param dir holds one directory per version; read anew each time, so that a new release needs no restart. */
export function createReleases({ dir, logger }: { readonly dir: string; readonly logger: Logger }): Releases {
  async function versions(): Promise<string[]> {
    const names = await readdir(dir).catch((thrown) => {
      if (isAbsent(thrown)) return [];
      throw thrown;
    });
    return names.filter(isReleaseVersion).sort(compareVersions).reverse();
  }

  /** Null when it is no release, which is said in the log. */
  async function read(version: string): Promise<FoundRelease | null> {
    try {
      const manifest = await readFile(join(dir, version, MANIFEST), "utf8");
      const release = parseManifest(manifest);
      if (release.version !== version) throw new Error(`it is of version ${release.version}`);
      const files = new Map(release.files.map((file) => [file.name, file]));
      return {
        ...release,
        manifest,
        file(name) {
          const file = files.get(name);
          return file ? { file, path: join(dir, version, name) } : null;
        },
      };
    } catch (thrown) {
      if (!isAbsent(thrown)) logger.warn({ version, reason: errorText(thrown) }, "A release's manifest is wrong");
      return null;
    }
  }

  return {
    versions,
    async get(wanted) {
      if (wanted !== LATEST) return isReleaseVersion(wanted) ? read(wanted) : null;
      for (const version of await versions()) {
        const release = await read(version);
        if (release) return release;
      }
      return null;
    },
  };
}

function isAbsent(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
