import { titleWords } from "./compose.ts";
import type { Notice, NoticeEvidence, Severity } from "./notice.ts";
import { severities } from "./notice.ts";

/** So many are told in full; of more, each is one line, lest the first of them fill a message's room. */
const MAX_IN_FULL = 3;
const MAX_NAMED = 3;

/** Several of one event as one message. */
export function group(notices: readonly [Notice, ...Notice[]]): Notice {
  const [first] = notices;
  if (notices.length === 1) return first;
  const monitors = notices.flatMap((notice) => notice.monitors);
  const still = first.repeat > 0 ? "STILL " : "";
  const what = monitors.length === 0 ? `${notices.length} at once` : `${monitors.length} monitors (${named(monitors)})`;
  return {
    ...first,
    severity: notices.map(({ severity }) => severity).sort(bySeverity)[0] ?? first.severity,
    title: `${still}${titleWords[first.event]}: ${what}`,
    lines: notices.length > MAX_IN_FULL ? notices.map(inBrief) : notices.flatMap(inFull),
    keys: notices.map(({ key }) => key),
    monitors,
    evidence: notices.flatMap(({ evidence }) => evidence),
    url: pageOfAll(notices),
  };
}

const bySeverity = (a: Severity, b: Severity): number => severities.indexOf(a) - severities.indexOf(b);

function named(monitors: Notice["monitors"]): string {
  const names = monitors.slice(0, MAX_NAMED).map(({ name }) => name);
  const others = monitors.length - names.length;
  return `${names.join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}

const inFull = ({ title, lines }: Notice): string[] => [title, ...lines.map((line) => `- ${line}`)];

/** Such as `Shop: http https://shop.example/; connect_refused in eu-west, us-east`; of an end, its title. */
function inBrief({ title, lines, monitors: [monitor], evidence, severity }: Notice): string {
  if (!monitor || severity === "ok") return title;
  const { name, type, target } = monitor;
  const reasons = reasonsIn(evidence);
  const about = reasons.length > 0 ? reasons : lines.filter((line) => line !== `${type} ${target}`).slice(0, 1);
  return [`${name}: ${type} ${target}`, ...about].join("; ");
}

/** Each reason once, with the regions that gave it. */
function reasonsIn(evidence: readonly NoticeEvidence[]): string[] {
  const failing = evidence.filter(({ status }) => status !== "up");
  const reasonOf = ({ errorCode, status }: NoticeEvidence) => errorCode ?? status;
  return [...new Set(failing.map(reasonOf))].map((reason) => {
    const regions = failing.filter((seen) => reasonOf(seen) === reason).map(({ region }) => region);
    return `${reason} in ${regions.join(", ")}`;
  });
}

/** Their page where they share one, else the list of incidents, or of monitors. */
function pageOfAll(notices: readonly [Notice, ...Notice[]]): string | null {
  const [{ url, incident }] = notices;
  if (url === null || notices.every((notice) => notice.url === url)) return url;
  return url.replace(/#\/.*$/, incident ? "#/incidents" : "#/");
}
