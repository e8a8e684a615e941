/** What an agent's release consists of, as its manifest says. */
export interface Release {
  readonly version: string;
  readonly files: readonly ReleaseFile[];
}

export interface ReleaseFile {
  readonly name: string;
  /** In hex. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
}

/** The file in a release's directory that names all others with their digests. */
export const MANIFEST = "manifest";

/** The architectures that releases are made for, as Node names them. */
export const releaseArchitectures = ["x64", "arm64"] as const;
export type ReleaseArchitecture = (typeof releaseArchitectures)[number];

/** The name of the agent's executable, compressed, in a release. */
export const executableName = (arch: ReleaseArchitecture): string => `watchpost-agent-linux-${arch}.gz`;

/** Semantic versioning 2.0, without build metadata, which has no order; not longer than a link message allows. */
const version = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;
const MAX_VERSION_LENGTH = 64;
const fileName = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const FIRST_LINE = "watchpost-agent-release 1";

export function isReleaseVersion(text: string): boolean {
  return text.length <= MAX_VERSION_LENGTH && version.test(text);
}

/** The manifest as text, one fact a line, so that a shell can read it. */
export function formatManifest(release: Release): string {
  const files = release.files.map(({ name, sha256, size }) => `file ${name} ${sha256} ${size}`);
  return `${[FIRST_LINE, `version ${release.version}`, ...files].join("\n")}\n`;
}

/** @throws Error naming the line that is wrong. */
export function parseManifest(text: string): Release {
  const [first, second = "", ...rest] = text.split("\n");
  if (first !== FIRST_LINE) throw new Error(`line 1 must be "${FIRST_LINE}"`);
  const named = second.startsWith("version ") ? second.slice("version ".length) : "";
  if (!isReleaseVersion(named)) throw new Error('line 2 must be "version" and a version such as 1.2.3');
  if (rest.pop() !== "") throw new Error("the last line must end");
  const files = rest.map((line, index) => {
    const [keyword, name = "", sha256 = "", size = "", ...more] = line.split(" ");
    const isFile = keyword === "file" && more.length === 0;
    if (!isFile || !fileName.test(name) || !/^[0-9a-f]{64}$/.test(sha256) || !/^\d{1,12}$/.test(size)) {
      throw new Error(`line ${index + 3} must be "file", a name, a SHA-256 in hex and a size`);
    }
    return { name, sha256, size: Number(size) };
  });
  return { version: named, files };
}

/** Which of two versions comes first: below 0, 0 or above 0, as Array.prototype.sort takes it (semver.org §11). */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(partsOf) as [Parts, Parts];
  for (const [index, number] of left.numbers.entries()) {
    const difference = number - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.labels.length === 0 || right.labels.length === 0) return right.labels.length - left.labels.length;
  for (const [index, label] of left.labels.entries()) {
    const other = right.labels[index];
    if (other === undefined) return 1;
    const difference = compareLabels(label, other);
    if (difference !== 0) return difference;
  }
  return left.labels.length - right.labels.length;
}

interface Parts {
  readonly numbers: readonly number[];
  readonly labels: readonly string[];
}

function partsOf(text: string): Parts {
  const [, major, minor, patch, labels] = version.exec(text) ?? [];
  return { numbers: [major, minor, patch].map(Number), labels: labels?.split(".") ?? [] };
}

function compareLabels(a: string, b: string): number {
  const [left, right] = [a, b].map((label) => (/^\d+$/.test(label) ? Number(label) : null)) as [
    number | null,
    number | null,
  ];
  if (left !== null && right !== null) return left - right;
  if (left !== null || right !== null) return left !== null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
