import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

interface Entry {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(await readFile("package-lock.json", "utf8")) as { packages: Record<string, Entry> };

it("has an entry for every platform's package, as npm ci demands", () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages))
      .map(([name, version]) => `add "node_modules/${name}": { version: "${version}", os, cpu, libc, optional: true }`),
  );
  expect(missing).toEqual([]);
});

it("names no registry", () => {
  expect(Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined)).toEqual([]);
});
