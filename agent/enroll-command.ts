import { open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ConfigError, errorText } from "../shared/errors.ts";
import { authoritiesSetting, readAuthorities } from "./authorities.ts";
import { EnrollmentFailure, enroll } from "./enroll.ts";

/** The setting that names the token's file where no option does. */
const TOKEN_FILE = "WATCHPOST_ENROLLMENT_TOKEN_FILE";
const MAX_TOKEN_BYTES = 4_096;

/** @param program how the command is called */
const enrollUsage = (program: string): string => `Usage: ${program} --coordinator URL --token-file FILE --output FILE

Makes this machine an agent, with a token that \`watchpost agents enroll\` printed.

Options:
  --coordinator URL   the coordinator's address, such as https://watch.example
  --token-file FILE   where the token is; - is standard input. Not set: the file
                      that ${TOKEN_FILE} names
  --output FILE       where to keep the agent's credential
  --region REGION     refuse a token that is of another region
  --help              print this

${authoritiesSetting.variable} names a file with the certificates (PEM) of the authorities that
vouch for the coordinator, where they are no public ones.
`;

/**
 * The command `enroll` of the executable.
 * @param program how it is called, such as `watchpost-agent enroll`
 * @returns the exit code: 0 fine, 1 the answer is bad, 2 the call was wrong.
 */
export async function runEnroll(args: readonly string[], program: string): Promise<number> {
  const say = (text: string) => process.stderr.write(`${program.split(" ")[0]}: ${text}\n`);
  let values: { coordinator?: string; "token-file"?: string; output?: string; region?: string; help?: boolean };
  try {
    const text = { type: "string" } as const;
    const options = {
      coordinator: text,
      "token-file": text,
      output: text,
      region: text,
      help: { type: "boolean" },
    } as const;
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (thrown) {
    process.stderr.write(`${errorText(thrown)}\n\n${enrollUsage(program)}`);
    return 2;
  }
  if (values.help) {
    process.stdout.write(enrollUsage(program));
    return 0;
  }
  try {
    process.stdout.write(`${await enrollBy({ ...values, tokenFile: values["token-file"] }, process.env)}\n`);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof EnrollmentFailure || thrown instanceof ConfigError)) throw thrown;
    say(thrown.message);
    return thrown instanceof ConfigError ? 2 : 1;
  }
}

/**
 * Enrols as the command's options say. The token is never one of them: all users of a machine see those.
 * Called, by this name, also by `watchpost agent enroll`, whose code knows nothing of the agent's.
 * @returns what to tell people
 * @throws ConfigError when an option is missing or wrong; EnrollmentFailure
 */
export async function enrollBy(
  given: {
    readonly coordinator?: string;
    readonly tokenFile?: string | undefined;
    readonly output?: string;
    readonly region?: string;
  },
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const { coordinator = "", output = "", tokenFile = env[TOKEN_FILE] ?? "", region: expected } = given;
  if (!/^https?:\/\//.test(coordinator) || !URL.canParse(coordinator)) {
    throw new ConfigError("--coordinator must be an http:// or https:// URL");
  }
  if (tokenFile === "") throw new ConfigError(`--token-file must name the enrolment token's file, or ${TOKEN_FILE}`);
  if (output === "") throw new ConfigError("--output must name the file for the credential");
  const token = await readTokenFile(tokenFile);
  const { [authoritiesSetting.variable]: caFile } = env;
  const authorities = caFile ? readAuthorities(caFile) : null;
  const { agentId, region } = await enroll({
    coordinatorUrl: coordinator,
    token,
    output,
    region: expected,
    authorities,
  });
  return `Enrolled as ${agentId} in ${region}; the credential is in ${output}`;
}

/** The first line of a file, or of standard input. */
async function readTokenFile(path: string): Promise<string> {
  try {
    const text = path === "-" ? await readInput() : await readStart(path);
    return text.trimStart().split(/\s/, 1)[0] ?? "";
  } catch (thrown) {
    throw new EnrollmentFailure(`the token cannot be read from ${path}: ${errorText(thrown)}`);
  }
}

async function readInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.trimStart().includes("\n") || text.length > MAX_TOKEN_BYTES) break;
  }
  return text;
}

async function readStart(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_TOKEN_BYTES), 0, MAX_TOKEN_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
