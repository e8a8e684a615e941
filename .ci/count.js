// Reads Vitest's JSON reports: count.js FIRST [AGAIN], where AGAIN is of the files of FIRST that failed and were run
// once more, and counts in their place. Prints "PASSED FAILED" and then what failed, each time that it did, with why.
// With --files it prints the files of FIRST that failed, and nothing else.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const paths = process.argv.slice(2).filter((word) => word !== "--files");
const [first, again] = paths.map((path) => JSON.parse(readFileSync(path, "utf8")).testResults);
const broke = ({ status }) => status === "failed";
const failed = first.filter((file) => broke(file) || file.assertionResults.some(broke));

if (process.argv.includes("--files")) {
  for (const { name } of failed) console.log(relative(".", name));
} else {
  const second = new Map((again ?? []).map((file) => [file.name, file]));
  const last = first.map((file) => second.get(file.name) ?? file);
  const tests = last.flatMap(({ assertionResults }) => assertionResults);
  // A file that broke before its first test is one failure.
  const silent = last.filter((file) => broke(file) && !file.assertionResults.some(broke));
  console.log(tests.filter(({ status }) => status === "passed").length, tests.filter(broke).length + silent.length);
  for (const [tried, files] of [
    ["", failed],
    [" when run again", again ?? []],
  ])
    for (const file of files) complain(tried, file);
}

function complain(tried, { name, message, status, assertionResults }) {
  const tests = assertionResults.filter(({ failureMessages }) => failureMessages?.length > 0);
  for (const { fullName, status, failureMessages } of tests)
    console.log(`${status}${tried}: ${relative(".", name)}: ${fullName}: ${brief(failureMessages.at(-1))}`);
  if (status === "failed" && tests.length === 0)
    console.log(`failed${tried}: ${relative(".", name)}: ${brief(message)}`);
}

/** In one line, with where it was in the project. */
function brief(text) {
  const lines = text.split("\n").filter((line) => !/node_modules|node:|<anonymous>/.test(line));
  return lines
    .map((line) => line.trim())
    .join(" | ")
    .slice(0, 600);
}
