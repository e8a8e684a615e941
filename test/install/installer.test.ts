import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { testAuthority } from "../support/certificates.ts";
import { type Internet, startInternet } from "../support/internet.ts";
import { type Machine, type RunOptions, startMachine, trust, whyNoMachines } from "../support/machine.ts";
import { goodToken, shownAtEnrolment } from "./fake-agent.ts";
import { type ReleaseServer, startReleaseServer } from "./release-server.ts";

const why = await whyNoMachines();
if (why !== null) console.log(`Left out, since no machine with systemd can be booted here: ${why}`);

describe.skipIf(why !== null)("the installer on a machine with systemd", () => {
  const stops: Array<() => unknown> = [];
  let server: ReleaseServer;
  let machine: Machine;

  beforeAll(async () => {
    const internet: Internet = await startInternet({ places: 1, targets: 0 });
    stops.unshift(internet.stop);
    const authority = testAuthority();
    server = await startReleaseServer(internet.home, authority.issue({ names: [internet.home] }));
    stops.unshift(server.stop);
    await server.publish("1.0.0");
    machine = await startMachine({ net: internet.places[0]?.net as string });
    stops.unshift(machine.stop);
    await trust(machine, authority.cert);
    await machine.must(`echo ${internet.home} other.test >>/etc/hosts`);
    await machine.write("/root/token", `${goodToken}\n`, "600");
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
  });
  afterEach(() => server.heal());

  const fetchScript = () => `curl --proto =https --tlsv1.2 -fsSL ${server.url}/agent/releases/install.sh`;
  const options = (key = server.key) => `--coordinator ${server.url} --key ${key}`;
  /** The line as the coordinator prints it, with more options. */
  const install = (more = "", runOptions: RunOptions = {}) =>
    machine.run(`${fetchScript()} | sh -s -- ${options()} --token-file /root/token ${more}`, runOptions);
  const upgrade = (more = "") => machine.run(`/opt/watchpost-agent/install.sh --upgrade ${more}`);
  const property = async (name: string, unit = "watchpost-agent.service") =>
    (await machine.must(`systemctl show --property ${name} --value ${unit}`)).trim();
  const current = async () => (await machine.must("readlink /opt/watchpost-agent/current")).trim();
  const releases = async () => (await machine.must("ls -A /opt/watchpost-agent/releases")).trim().split("\n");

  /** Runs what has to fail, and holds it to its code, one line, and leaving everything as it was. */
  async function refuses(code: number, line: RegExp, attempt: () => ReturnType<Machine["run"]>): Promise<void> {
    const before = await machine.changes();
    const ran = await attempt();
    expect(ran.err).toMatch(line);
    expect(ran).toMatchObject({ code, err: expect.stringMatching(/^watchpost-agent install: [^\n]+\n$/) });
    expect(await machine.changes()).toEqual(before);
    expect(await machine.must("ls -A /var/tmp | grep watchpost-agent-install || true")).toBe("");
  }

  describe("before anything is installed", () => {
    /** In a mount namespace of its own, after something was changed in there. */
    const where = (change: string, more = "") =>
      machine.run(
        `${fetchScript()} >/run/install.sh; unshare --mount sh -c '${change}; sh /run/install.sh ${options()} --token-file /root/token ${more}'`,
      );

    test.each([
      ["an option that there is not", 2, "--frobnicate", /"--frobnicate" is no option; see --help/],
      ["an option without its value", 2, "--patience", /--patience needs a value/],
      ["a version that is none", 2, "--version ../../etc", /--version must be a version such as 1\.2\.3/],
      ["a region that is none", 2, "--region 'eu west'", /--region must be a name such as eu-west/],
      ["an address that is none", 2, "--coordinator ftp://x", /--coordinator must be an address/],
      ["an upgrade of nothing", 2, "--upgrade", /no agent is installed here: run the line/],
      ["a file without a token", 10, "--token-file /nowhere", /there is no token in \/nowhere/],
      ["standard input without a token", 10, "--token-file -", /this is no enrolment token/],
      ["a token of another region", 10, "--region us-east", /must be eu-west, of which this .* and not us-east/],
      ["a release that there is not", 8, "--version 9.9.9", /has no release 9\.9\.9 to install/],
    ])("refuses %s", (_, code, more, line) => refuses(code, line, () => install(more)));

    test("refuses a call without a key, an address or a public key", async () => {
      const script = `${fetchScript()} | sh -s --`;
      const address = `--coordinator ${server.url}`;
      await refuses(2, /--coordinator is needed/, () => machine.run(script));
      await refuses(2, /--key is needed/, () => machine.run(`${script} ${address}`));
      await refuses(2, /--key is no public key/, () => machine.run(`${script} ${address} --key abcd`));
    });

    test.each([
      ["another user than root", 3, "setpriv --reuid 65534 sh /run/install.sh; exit $?", /this takes root: put sudo/],
      ["a machine without systemd", 4, "mount -t tmpfs none /run/systemd", /systemd does not run here/],
      [
        "a machine of another kind",
        5,
        shim("uname", "[ $1 = -m ] && echo riscv64 || echo Linux"),
        /no agent for riscv64/,
      ],
      ["a machine without openssl", 6, "mount --bind /dev/null $(command -v openssl)", /openssl is missing: apt-get/],
      ["a machine with a full disk", 7, "mount -t tmpfs -o size=1m none /opt", /\/opt has \d MB free and this takes/],
      ["a systemd that is too old", 4, shim("systemctl", "echo systemd 241"), /systemd 241 is too old: it takes 245/],
    ])("refuses %s", (_, code, change, line) => refuses(code, line, () => where(change)));

    test.each([
      ["a clock that is ahead", { clockMs: -300_000 }, 9, /clock is (299|30\d) s ahead/],
      ["a clock that is behind", { clockMs: 300_000 }, 9, /clock is (29\d|300) s behind/],
      ["a coordinator without a release", { status: 404 }, 8, /run npm run build:agent there/],
      ["a coordinator elsewhere", { status: 301 }, 8, /answers 301, which leads elsewhere/],
      ["a coordinator that refuses", { status: 403 }, 8, /cannot get .*: it answers 403; check the address/],
    ])("refuses %s", async (_, answer, code, line) => {
      await machine.must(`${fetchScript()} >/run/install.sh`);
      server.answerWith(answer);
      await refuses(code, line, () => machine.run(`sh /run/install.sh ${options()} --token-file /root/token`));
    });

    test("refuses a coordinator that nobody can reach, or that shows another's certificate", async () => {
      await machine.must(`${fetchScript()} >/run/install.sh`);
      const at = (url: string) => () =>
        machine.run(`sh /run/install.sh ${options()} --coordinator ${url} --token-file /root/token`);
      await refuses(8, /Could not resolve host: nowhere.invalid; check the address/, at("https://nowhere.invalid"));
      await refuses(8, /cannot get .*(certificate|SSL)/, at(server.url.replace(/\d+\.\d+\.\d+\.\d+/, "other.test")));
    });

    test("reaches a coordinator at http:// directly, as the agent does, whatever http_proxy says", async () => {
      await machine.must(`${fetchScript()} >/run/install.sh`);
      const call = `sh /run/install.sh ${options()} --coordinator http://nowhere.invalid --token-file /root/token`;
      await refuses(8, /Could not resolve host: nowhere.invalid/, () =>
        machine.run(call, { env: { http_proxy: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" } }),
      );
    });

    const longer = (body: Buffer) => Buffer.concat([body, Buffer.alloc(100_000)]);
    const other = (body: Buffer) => Buffer.concat([body.subarray(0, -1), Buffer.from([(body.at(-1) as number) ^ 1])]);
    test.each([
      ["a changed manifest", "/1.0.0", other, /not signed with the deployment's key/],
      ["a changed signature", "/1.0.0.sig", other, /not signed with the deployment's key/],
      ["a manifest of another version", "/latest", () => Buffer.from("x\nversion 1.0.0/../2\n"), /names no version/],
      [
        "a changed executable",
        "/1.0.0/watchpost-agent-linux-x64.gz",
        other,
        /linux-x64\.gz is not what the manifest says/,
      ],
      [
        "a longer executable",
        "/1.0.0/watchpost-agent-linux-x64.gz",
        longer,
        /linux-x64\.gz is longer than the manifest says/,
      ],
      ["a shorter unit", "/1.0.0/watchpost-agent.service", (body: Buffer) => body.subarray(1), /not as long as/],
      ["a changed installer", "/1.0.0/install.sh", other, /install\.sh is not what the manifest says/],
    ])("refuses %s, and changes nothing", async (_, path, change, line) => {
      server.spoil(path, change);
      await refuses(11, line, () => install());
    });

    test("refuses another deployment's key", () =>
      refuses(11, /not signed with the deployment's key/, () => install(`--key ${server.foreignKey}`)));

    test("refuses a token that is used up, as the coordinator says it, and leaves nothing", async () => {
      await machine.write("/root/used", "wpe_a-used-token-of-the-tests\n");
      await refuses(10, /this enrolment token was used already: make a new one/, () =>
        install("--token-file /root/used"),
      );
    });

    test("says what it would do, and does none of it", async () => {
      const before = await machine.changes();
      const { code, out } = await install("--dry-run");
      expect(out).toMatch(
        /Would fetch watchpost-agent 1\.0\.0 for (x64|arm64)[\s\S]*Would enrol at[\s\S]*Nothing was changed/,
      );
      expect(code).toBe(0);
      expect(await machine.changes()).toEqual(before);
    });

    test("is told from a broken-off download, which does nothing", async () => {
      const script = await machine.must(fetchScript());
      for (const part of [0.2, 0.5, 0.9, 0.9999]) {
        const ran = await machine.run("sh -s -- --uninstall", { input: script.slice(0, script.length * part) });
        expect(ran.out).toBe("");
      }
    });

    test("tells its version and its options to anybody", async () => {
      expect(await machine.must(`${fetchScript()} | setpriv --reuid 65534 sh -s -- --version`)).toBe("none\n");
      expect(await machine.must(`${fetchScript()} | setpriv --reuid 65534 sh -s -- --help`)).toMatch(/^Usage: /);
    });
  });

  describe("from the first run to the last", () => {
    let bare: Record<string, string>;

    test("installs by the printed line, and shows the token to nobody", async () => {
      bare = await machine.changes();
      const { code, out, err } = await install("", {
        env: { https_proxy: 'http://us"er:pass@proxy.test:3128', NO_PROXY: new URL(server.url).hostname },
      });
      expect(err).toBe("");
      expect(out).toMatch(/watchpost-agent 1\.0\.0 runs as agt_[a-z]{20} in eu-west\n$/);
      expect(code).toBe(0);
      expect(await property("ActiveState")).toBe("active");
      expect(await property("UnitFileState")).toBe("enabled");
      expect(await property("ActiveState", "watchpost-agent-upgrade.path")).toBe("active");
      expect(await machine.must("cd /etc/watchpost-agent && stat -c '%n %a %U' . *")).toBe(
        ". 700 root\nagent.env 600 root\ncredential 600 root\nrelease-key.pem 600 root\n",
      );
      const settings = await machine.must("cat /etc/watchpost-agent/agent.env");
      expect(settings).toContain('https_proxy="http://us\\"er:pass@proxy.test:3128"\nno_proxy=');
      expect(settings).toContain("WATCHPOST_CA_FILE=/etc/ssl/certs/ca-certificates.crt\n");
      const shown = await machine.must(`cat ${shownAtEnrolment}`);
      expect(shown).toContain("--token-file");
      expect(shown).not.toContain(goodToken);
      expect(await machine.must("ls -A /var/tmp | grep watchpost-agent-install || true")).toBe("");
    });

    test("changes nothing when it is run again", async () => {
      const [before, pid] = [await machine.changes(), await property("MainPID")];
      const { code, out } = await install();
      expect({ code, out }).toEqual({
        code: 0,
        out: "watchpost-agent 1.0.0 is installed and runs: nothing was changed\n",
      });
      expect(await machine.changes()).toEqual(before);
      expect(await property("MainPID")).toBe(pid);
    });

    test("says so when the agent that is in place is not ready, as one that was revoked", async () => {
      const settings = "/etc/watchpost-agent/agent.env";
      // Where nobody answers.
      await machine.must(`cp ${settings} /root/agent.env; echo WATCHPOST_HEALTH_PORT=9 >>${settings}`);
      await refuses(12, /1\.0\.0 is in place but it is not ready: .* takes --reenroll and a new token/, () =>
        install(),
      );
      expect((await install("--no-start")).code).toBe(0);
      await machine.must(`cat /root/agent.env >${settings}; rm /root/agent.env`);
    });

    test("mends what was damaged", async () => {
      const before = await machine.changes();
      await machine.must(
        "echo >>/opt/watchpost-agent/releases/1.0.0/watchpost-agent; rm /etc/systemd/system/watchpost-agent.service",
      );
      expect((await install()).code).toBe(0);
      expect(await machine.changes()).toEqual(before);
      expect(await property("ActiveState")).toBe("active");
    });

    test("leaves the operator's settings alone, and starts what was stopped", async () => {
      await machine.must("echo LOG_LEVEL=debug >>/etc/watchpost-agent/agent.env; systemctl stop watchpost-agent");
      expect((await install()).code).toBe(0);
      expect(await machine.must("cat /etc/watchpost-agent/agent.env")).toContain("LOG_LEVEL=debug\n");
      expect(await property("ActiveState")).toBe("active");
    });

    test("refuses to be another region's or another coordinator's without being told so", async () => {
      await refuses(16, /is enrolled at https.* in eu-west: .*--uninstall first, or with --reenroll/, () =>
        install("--region us-east"),
      );
      const state = "/var/lib/private/watchpost-agent";
      const kept = "spool-eu-west spool-eu-west-2";
      await machine.must(
        `cd ${state} && mkdir ${kept} spool-us-east && touch credential-agt_old spool-eu-west/segment`,
      );
      const id = await machine.must("grep -o agt_[a-z]* /etc/watchpost-agent/credential");
      // One that is refused leaves the agent and the key of its releases as they were.
      await refuses(10, /must be eu-west/, () => install("--reenroll --region us-east"));
      expect((await install("--reenroll")).code).toBe(0);
      expect(await machine.must("grep -o agt_[a-z]* /etc/watchpost-agent/credential")).not.toBe(id);
      expect((await machine.must(`ls ${state} ${state}/spool-eu-west`)).trim().split(/\s+/)).toEqual([
        ...[`${state}:`, ...kept.split(" ")],
        ...[`${state}/spool-eu-west:`, "segment"],
      ]);
      await machine.must(`rm -r ${state}/spool-*`);
    });

    test("runs one at a time", async () => {
      await machine.must(
        "exec 9</opt; flock 9; setsid sh -c 'echo $$ >/run/holder; exec sleep 60' >/dev/null 2>&1 & sleep 0.2",
      );
      await refuses(14, /another run is under way: wait/, () => install());
      await machine.must("kill $(cat /run/holder)");
    });

    test("upgrades, and keeps the last two releases", async () => {
      await server.publish("1.1.0-rc.1");
      await server.publish("1.1.0");
      expect((await upgrade("--version 1.1.0-rc.1")).out).toMatch(/1\.1\.0-rc\.1 runs as/);
      expect((await upgrade()).out).toMatch(/1\.1\.0 runs as/);
      expect(await current()).toBe("releases/1.1.0");
      expect(await releases()).toEqual(["1.1.0", "1.1.0-rc.1"]);
      expect((await machine.run("/opt/watchpost-agent/install.sh --version")).out).toBe("1.1.0\n");
    });

    test("goes back to no older release", async () => {
      await refuses(15, /1\.0\.0 is older than 1\.1\.0, which is installed/, () => upgrade("--version 1.0.0"));
      await refuses(15, /1\.1\.0-rc\.1 is older than 1\.1\.0/, () => upgrade("--version 1.1.0-rc.1"));
      await server.publish("1.0.9");
      const { code, out } = await install();
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringMatching(/the newer one stays[\s\S]*nothing was changed/),
      });
    });

    test.each([
      ["ends", "1.2.0", 15, /1\.2\.0 was taken back, for it ends again and again; 1\.1\.0 runs again: see journalctl/],
      ["unready", "1.2.1", 2, /1\.2\.1 was taken back, for it is not ready: .*unready.* 503; 1\.1\.0 runs again/],
    ] as const)("takes a release back whose agent %s", async (way, version, patience, line) => {
      await server.publish(version, way);
      await refuses(13, line, () => upgrade(`--patience ${patience}`));
      expect(await property("ActiveState")).toBe("active");
      expect(await machine.must("cat /proc/$(systemctl show -p MainPID --value watchpost-agent)/cmdline")).toContain(
        "watchpost-agent",
      );
    });

    test("leaves the old release when it is ended before the new one is ready, and no half of one when killed", async () => {
      const before = await machine.changes();
      await server.publish("1.2.2", "unready");
      const ended = machine.run(
        "exec /opt/watchpost-agent/install.sh --upgrade --patience 60 & echo $! >/run/upgrade; wait $!",
      );
      await machine.must(
        "until [ $(readlink /opt/watchpost-agent/current) = releases/1.2.2 ]; do sleep 0.1; done; kill -TERM $(cat /run/upgrade)",
      );
      expect((await ended).code).toBe(143);
      expect(await current()).toBe("releases/1.1.0");

      await server.publish("1.2.3");
      const asked = server.asked("/1.2.3/watchpost-agent-linux-x64.gz");
      const killed = machine.run("exec /opt/watchpost-agent/install.sh --upgrade & echo $! >/run/upgrade; wait $!");
      await asked;
      await machine.must("kill -KILL $(cat /run/upgrade)");
      await killed;
      expect(await current()).toBe("releases/1.1.0");
      expect((await upgrade()).code).toBe(0);
      expect(await releases()).toEqual(["1.1.0", "1.2.3"]);
      expect(Object.keys(await machine.changes()).length).toBeGreaterThanOrEqual(Object.keys(before).length);
    });

    test("upgrades when the agent asks for it, and says what came of it", async () => {
      const state = "/var/lib/private/watchpost-agent";
      const ask = async (version: string) => {
        await machine.must(`rm -f ${state}/upgrade-result; echo ${version} >${state}/upgrade-request`);
        return JSON.parse(
          await machine.must(`until [ -f ${state}/upgrade-result ]; do sleep 0.1; done; cat ${state}/upgrade-result`),
        );
      };
      await server.publish("1.3.0");
      expect(await ask("1.3.0")).toEqual({ version: "1.3.0", state: "done", detail: "1.3.0 runs" });
      expect(await current()).toBe("releases/1.3.0");
      expect(await ask("1.2.3")).toEqual({
        version: "1.2.3",
        state: "failed",
        detail: expect.stringMatching(/is older than 1\.3\.0/),
      });
      expect(await ask("'$(reboot)'")).toMatchObject({ version: "", state: "failed" });
      expect(await machine.must(`ls ${state}`)).not.toContain("upgrade-request");
    });

    test("follows nothing that the agent puts into its directory", async () => {
      const state = "/var/lib/private/watchpost-agent";
      await machine.must(`echo precious >/opt/precious; ln -sf /opt/precious ${state}/upgrade-result`);
      await machine.must(
        `echo 0.0.1 >${state}/upgrade-request; while [ -L ${state}/upgrade-result ]; do sleep 0.1; done`,
      );
      expect(await machine.must("cat /opt/precious; rm /opt/precious")).toBe("precious\n");
    });

    test("removes everything, and says that there is nothing when it is run again", async () => {
      const uninstall = () => machine.run("/opt/watchpost-agent/install.sh --uninstall");
      await machine.must(
        "mkdir -p /etc/systemd/system/watchpost-agent.service.d; echo '[Service]' >/etc/systemd/system/watchpost-agent.service.d/mine.conf",
      );
      expect((await uninstall()).out).toMatch(
        /^watchpost-agent is removed; .* watchpost agents revoke agt_[a-z]{20}\n$/,
      );
      expect(await machine.changes()).toEqual(bare);
      expect(await machine.must("systemctl list-unit-files --no-legend 'watchpost*' || true")).toBe("");
      expect((await machine.run(`${fetchScript()} | sh -s -- --uninstall`)).out).toMatch(/nothing was changed/);
      expect(await machine.changes()).toEqual(bare);
    });

    test("asks for the token on the terminal without showing it, and starts nothing when told so", async () => {
      const typed = `until grep -q 'Enrolment token' /run/terminal; do sleep 0.1; done; echo ${goodToken}`;
      const { out } = await machine.run(
        `${fetchScript()} >/run/install.sh; : >/run/terminal; (${typed}) | script -qefc 'cat /run/install.sh | sh -s -- ${options()} --no-start' /run/terminal`,
      );
      expect(out).toMatch(/Enrolment token: \r\n[\s\S]*is installed and not started: systemctl start/);
      expect(out).not.toContain(goodToken);
      expect(await property("ActiveState")).toBe("inactive");
      expect(await property("UnitFileState")).toBe("enabled");
      await machine.must("/opt/watchpost-agent/install.sh --uninstall");
      expect(await machine.changes()).toEqual(bare);
    });

    test("hands the credential to the agent where systemd is too old to do so", async () => {
      const script = `${fetchScript()} >/run/install.sh; ${shim("systemctl", 'case $1 in --version) echo "systemd 245" ;; *) exec /run/real/systemctl "$@" ;; esac')}`;
      const ran = await machine.run(`${script}; sh /run/install.sh ${options()} --token-file /root/token`);
      expect(ran.err).toBe("");
      expect(await property("Environment")).toContain("WATCHPOST_CREDENTIAL_FILE=/run/watchpost-agent/credential");
      expect(await machine.must("stat -L -c '%a %U' /run/watchpost-agent/credential")).toBe("400 watchpost-agent\n");
      expect(await property("ActiveState")).toBe("active");
      await machine.must("/opt/watchpost-agent/install.sh --uninstall");
      expect(await machine.changes()).toEqual(bare);
    });
  });
});

/** Commands that put a script in a program's place on the PATH; the real one is then in /run/real. */
function shim(program: string, script: string): string {
  const [real, shims] = ["/run/real", "/run/shims"];
  const text = Buffer.from(`#!/bin/sh\n${script}\n`).toString("base64");
  return `mkdir -p ${real} ${shims}-${program}; ln -sf $(PATH=/usr/bin:/bin command -v ${program}) ${real}/; echo ${text} | base64 -d >${shims}-${program}/${program}; chmod 755 ${shims}-${program}/${program}; export PATH=${shims}-${program}:$PATH`;
}
