import { expect, test } from "vitest";
import { compareVersions, formatManifest, isReleaseVersion, parseManifest } from "../../shared/release.ts";

const sha256 = "0123456789abcdef".repeat(4);
const text = `watchpost-agent-release 1\nversion 1.2.3\nfile install.sh ${sha256} 42\n`;

test("a manifest is read as it was written", () => {
  const release = { version: "1.2.3", files: [{ name: "install.sh", sha256, size: 42 }] };
  expect(formatManifest(release)).toBe(text);
  expect(parseManifest(text)).toEqual(release);
});

test.each([
  ["another format", text.replace("release 1", "release 2"), "line 1"],
  ["no version", text.replace("version 1.2.3", "version latest"), "line 2"],
  ["a path for a name", text.replace("install.sh", "../install.sh"), "line 3"],
  ["a short digest", text.replace(sha256, "00"), "line 3"],
  ["a size that is none", text.replace("42", "-1"), "line 3"],
  ["more than there should be", text.replace("42", "42 1"), "line 3"],
  ["an end in the middle", text.slice(0, -1), "the last line"],
])("a manifest is refused with %s", (_, wrong, line) => {
  expect(() => parseManifest(wrong)).toThrow(line);
});

test("versions are ordered as semver.org's §11 orders its examples", () => {
  const ordered =
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0 2.1.0 2.1.1 2.10.0";
  const versions = ordered.split(" ");
  expect(versions.toReversed().sort(compareVersions)).toEqual(versions);
  expect(compareVersions("1.0.0-rc.1", "1.0.0-rc.1")).toBe(0);
});

test.each(["", "1", "1.2", "01.2.3", "1.2.3+build", "latest", "1.2.3/..", "..", "1.2.3-", `1.2.3-${"a".repeat(64)}`])(
  "%j is no version of a release",
  (version) => expect(isReleaseVersion(version)).toBe(false),
);
