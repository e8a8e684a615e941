#!/bin/sh
# Installs, upgrades and removes the Watchpost agent on Debian 11 to 13 and Ubuntu 20.04 to 24.04.
#
# Everything is verified before anything is changed: the manifest by the deployment's public key, every file by
# the manifest. What runs is changed by one link, so that a run that is broken off leaves the old or the new.
# All of it is functions, called on the last line: half a download does nothing.

readonly agent=watchpost-agent
readonly opt=/opt/watchpost-agent
readonly etc=/etc/watchpost-agent
readonly units=/etc/systemd/system
readonly unit_names="$agent.service $agent-upgrade.service $agent-upgrade.path"
readonly own_authorities=/usr/local/share/ca-certificates all_authorities=/etc/ssl/certs/ca-certificates.crt
readonly max_clock_offset=120 # seconds; beyond it results land at wrong times
readonly max_small=1048576    # bytes; no file but the executable is nearly as large
readonly max_large=536870912

# Exit codes, which --help tells.
readonly E_FAILED=1 E_USAGE=2 E_ROOT=3 E_SYSTEMD=4 E_ARCH=5 E_PROGRAM=6 E_DISK=7 E_REACH=8 E_CLOCK=9 E_TOKEN=10 \
  E_TAMPERED=11 E_NOT_READY=12 E_ROLLED_BACK=13 E_BUSY=14 E_OLDER=15 E_ENROLLED=16

usage() {
  cat <<'END'
Usage: install.sh --coordinator URL --key KEY [--token-file FILE] [--region REGION] [--no-start] [--dry-run]
       install.sh --upgrade [--version VERSION] [--dry-run]
       install.sh --uninstall [--dry-run]

Installs the Watchpost agent as a systemd service, and enrols it at its coordinator. Run it again to repair
or upgrade; a run that finds everything in place changes nothing.

  --coordinator URL    the coordinator's address, https://watch.example say
  --key KEY            the public key of the deployment's releases: base64url of its SPKI DER
  --token-file FILE    where the enrolment token is; - is standard input. Without it, the file named by
                       WATCHPOST_ENROLLMENT_TOKEN_FILE; without that, it is asked for on the terminal
  --region REGION      refuse a token that is of another region; the token itself says where this machine is
  --version VERSION    the release to install, instead of the latest
  --upgrade            install the latest release, or the one that the coordinator asked the agent to become
  --reenroll           enrol anew, with another token: for an agent that was revoked
  --no-start           enable the service but do not start it
  --patience SECONDS   how long a new release may take to be ready before the old one is put back; 60
  --uninstall          remove the agent and everything that belongs to it
  --dry-run            say what would be done, and do none of it
  --version            without a VERSION: print the version that is installed
  --help               print this

A coordinator at https:// is reached through the proxy of https_proxy, unless no_proxy names it (with sudo:
sudo --preserve-env=https_proxy,no_proxy sh …), now and by the agent: they are kept in
/etc/watchpost-agent/agent.env. One at http:// is reached directly, whatever http_proxy says.

Exit codes: 0 done, or nothing to do; 1 something else, as it says; 2 wrong call; 3 not root; 4 no systemd;
5 wrong architecture; 6 a program is missing; 7 not enough disk; 8 coordinator not reached; 9 clock off;
10 no token, or one that is not good; 11 a download is not what it should be; 12 the agent does not become
ready; 13 the new release did not become ready and the old one runs again; 14 another run is under way;
15 older than what is installed; 16 enrolled elsewhere already.
END
}

say() {
  printf '%s\n' "$*"
}

# fail CODE WORDS…: one line that says what is wrong and what to do, and the end.
fail() {
  code=$1
  shift
  printf '%s\n' "watchpost-agent install: $*" >&2
  report "$code" "$*"
  exit "$code"
}

# --- What was asked ---

parse_arguments() {
  mode=install coordinator='' region='' key='' token_file=${WATCHPOST_ENROLLMENT_TOKEN_FILE:-} wanted=''
  start=yes dry=no reenroll=no patience=60
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage && exit 0 ;;
      --version)
        case ${2:--} in
          -*) installed_version && exit 0 ;;
        esac
        ;;
    esac
    case $1 in
      --coordinator | --region | --key | --token-file | --version | --patience)
        [ -n "${2:-}" ] || fail $E_USAGE "$1 needs a value; see --help"
        case $1 in
          --coordinator) coordinator=${2%/} ;;
          --region) region=$2 ;;
          --key) key=$2 ;;
          --token-file) token_file=$2 ;;
          --version) wanted=$2 ;;
          --patience) patience=$2 ;;
        esac
        shift
        ;;
      --upgrade) mode=upgrade ;;
      --uninstall) mode=uninstall ;;
      --reenroll) reenroll=yes ;;
      --no-start) start=no ;;
      --dry-run) dry=yes ;;
      *) fail $E_USAGE "\"$1\" is no option; see --help" ;;
    esac
    shift
  done
  matches "$patience" '[1-9][0-9]{0,2}' || fail $E_USAGE "--patience must be 1 to 999 seconds"
  [ -z "$wanted" ] || is_version "$wanted" || fail $E_USAGE "--version must be a version such as 1.2.3"
  [ -z "$region" ] || matches "$region" '[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?' ||
    fail $E_USAGE "--region must be a name such as eu-west"
  [ -z "$coordinator" ] || matches "$coordinator" 'https?://[][A-Za-z0-9.:_-]+(/[A-Za-z0-9._~/-]*)?' ||
    fail $E_USAGE "--coordinator must be an address such as https://watch.example"
}

# matches TEXT PATTERN: whether all of it matches an extended regular expression.
matches() {
  case $1 in *"$newline"*) return 1 ;; esac
  printf '%s\n' "$1" | grep -Eqx -- "$2"
}

is_version() {
  [ ${#1} -le 64 ] && matches "$1" '[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?'
}

# is_older A B: whether A comes before B, as semver.org §11 orders them.
is_older() {
  printf '%s\n%s\n' "$1" "$2" | awk '
    { dash = index($0, "-"); core[NR] = dash ? substr($0, 1, dash - 1) : $0; labels[NR] = dash ? substr($0, dash + 1) : "" }
    END {
      split(core[1], a, "."); split(core[2], b, ".")
      for (i = 1; i <= 3; i++) if (a[i] + 0 != b[i] + 0) exit !(a[i] + 0 < b[i] + 0)
      if (labels[1] == "" || labels[2] == "") exit !(labels[1] != "" && labels[2] == "")
      n = split(labels[1], a, "."); m = split(labels[2], b, ".")
      for (i = 1; i <= n && i <= m; i++) {
        x = a[i] ~ /^[0-9]+$/; y = b[i] ~ /^[0-9]+$/
        if (x && y && a[i] + 0 != b[i] + 0) exit !(a[i] + 0 < b[i] + 0)
        if (x != y) exit !x
        if (!x && a[i] "" != b[i] "") exit !(a[i] "" < b[i] "")
      }
      exit !(n < m)
    }'
}

# --- What is here ---

installed_version() {
  link=$(readlink "$opt/current" 2>/dev/null) || link=none
  say "${link##*/}"
}

# of_credential MEMBER: a text out of the credential, empty where there is none.
of_credential() {
  [ -f "$etc/credential" ] || return 0
  tr -d '\n' <"$etc/credential" | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'
}

check_machine() {
  [ "$(id -u)" -eq 0 ] || fail $E_ROOT "this takes root: put sudo before sh (curl … | sudo sh -s -- …)"
  [ "$(uname -s)" = Linux ] || fail $E_SYSTEMD "this is $(uname -s): the agent runs as a service on Linux with systemd"
  if [ ! -d /run/systemd/system ] || ! command -v systemctl >/dev/null; then
    fail $E_SYSTEMD "systemd does not run here: use a machine where it does, or run the agent by npm (see the README)"
  fi
  systemd=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  [ "${systemd:-0}" -ge 245 ] ||
    fail $E_SYSTEMD "systemd ${systemd:-of unknown age} is too old: it takes 245, as Debian 11 and Ubuntu 20.04 have"
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail $E_ARCH "there is no agent for $(uname -m): use a machine with x86_64 or aarch64, or run the agent by npm" ;;
  esac
  for program in curl openssl gzip sha256sum awk timeout flock; do
    command -v "$program" >/dev/null ||
      fail $E_PROGRAM "$program is missing: apt-get install curl openssl ca-certificates gzip coreutils mawk util-linux"
  done
}

# One run at a time: the lock goes with this process, whatever becomes of it, and needs no file of its own.
take_turn() {
  exec 9<"${opt%/*}"
  flock -n 9 || fail $E_BUSY "another run is under way: wait for it to end, then run this again"
}

# need_disk DIRECTORY KILOBYTES
need_disk() {
  directory=$1
  while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
  free=$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')
  [ "${free:-0}" -ge "$2" ] ||
    fail $E_DISK "$directory has $((${free:-0} / 1024)) MB free and this takes $(($2 / 1024)) MB: make room, then run this again"
}

# --- What is fetched ---

# fetch PATH FILE BYTES SECONDS: gets it whole, or sets $trouble to why not. Sets $status, and leaves the
# answer's head in $tmp/head.
fetch() {
  trouble='' fetched=0
  status=$(
    # Whatever the server says of its length, or does not say; curl is to tell of it, and not to be killed.
    trap '' XFSZ
    ulimit -f $(($3 / 512 + 8))
    curl --silent --show-error ${direct:+--noproxy "$direct"} --proto "=${coordinator%%://*}" --tlsv1.2 --connect-timeout 10 --max-time "$4" \
      --speed-limit 512 --speed-time 60 --retry 3 --retry-connrefused --retry-max-time "$4" --max-filesize "$3" \
      --user-agent "$agent-install" --dump-header "$tmp/head" --output "$2" --write-out '%{http_code}' \
      "$coordinator$1" 2>"$tmp/curl"
  ) || fetched=$?
  case $fetched in
    0) [ "$status" = 200 ] || trouble="it answers $status" ;;
    *)
      trouble=$(sed -n 's/^curl: ([0-9]*) //p' "$tmp/curl" | tail -n 1)
      trouble=${trouble:-curl ended with $fetched}
      ;;
  esac
  [ -z "$trouble" ]
}

# The coordinator is reached first of all for the manifest, and says what time it is.
fetch_manifest() {
  name=${wanted:-latest}
  if ! fetch "/agent/releases/$name" "$tmp/manifest" $max_small 30; then
    case $fetched,$status in
      0,404) fail $E_REACH "$coordinator has no release ${wanted:-of the agent} to install: run npm run build:agent there" ;;
      0,3??) fail $E_REACH "$coordinator answers $status, which leads elsewhere: give --coordinator the address that it leads to" ;;
      # A wrong clock takes certificates for expired, or for not valid yet.
      60,* | 35,*) check_clock_without_trust ;;
    esac
    fail $E_REACH "cannot get $coordinator/agent/releases/$name: $trouble; check the address, the firewall and the proxy"
  fi
  check_clock
  version=$(sed -n '2s/^version //p' "$tmp/manifest")
  is_version "$version" || tampered "the manifest names no version"
  [ -z "$wanted" ] || [ "$version" = "$wanted" ] || tampered "the manifest is of $version and not of $wanted"
  # By its version, since the latest may have become another one in between.
  if [ -z "$wanted" ]; then fetch "/agent/releases/$version" "$tmp/manifest" $max_small 30 || cannot_fetch "/agent/releases/$version"; fi
  fetch "/agent/releases/$version.sig" "$tmp/signature" $max_small 30 || cannot_fetch "/agent/releases/$version.sig"
  openssl dgst -sha256 -verify "$tmp/key.pem" -signature "$tmp/signature" "$tmp/manifest" >/dev/null 2>&1 ||
    tampered "the manifest is not signed with the deployment's key"
  [ "$(sed -n 1p "$tmp/manifest")" = "watchpost-agent-release 1" ] ||
    fail $E_FAILED "this installer does not know the manifest's form: fetch $coordinator/install.sh anew"
  [ "$(sed -n 2p "$tmp/manifest")" = "version $version" ] || tampered "the manifest is of another version than it was"
}

cannot_fetch() {
  fail $E_REACH "cannot get $coordinator$1: $trouble; run this again, and look at the coordinator if it stays so"
}

tampered() {
  fail $E_TAMPERED "$1: nothing was changed. Copy the line from the coordinator again; if it stays so, somebody tampers with what is downloaded"
}

check_clock() {
  said=$(sed -n 's/^[Dd][Aa][Tt][Ee]:[[:space:]]*//p' "$tmp/head" | tail -n 1 | tr -d '\r')
  there=$(date -u -d "${said:-nothing}" +%s 2>/dev/null) || return 0
  offset=$(($(date +%s) - there))
  if [ "$offset" -gt $max_clock_offset ]; then
    fail $E_CLOCK "this machine's clock is $offset s ahead of the coordinator's: set it (timedatectl set-ntp true), then run this again"
  elif [ "$offset" -lt -$max_clock_offset ]; then
    fail $E_CLOCK "this machine's clock is $((-offset)) s behind the coordinator's: set it (timedatectl set-ntp true), then run this again"
  fi
}

# Whoever answers is trusted with nothing but a hint.
check_clock_without_trust() {
  curl --silent --insecure --proto '=https' --connect-timeout 10 --max-time 20 --max-filesize $max_small \
    --dump-header "$tmp/head" --output /dev/null "$coordinator/agent/releases/latest" 2>/dev/null || return 0
  check_clock
}

# of_manifest NAME FIELD: the digest (3) or the size (4) of a file.
of_manifest() {
  awk -v name="$1" -v field="$2" '$1 == "file" && $2 == name && NF == 4 { print $field; exit }' "$tmp/manifest"
}

# fetch_file NAME BYTES SECONDS: into $tmp/NAME, and only if it is what the manifest says.
fetch_file() {
  digest=$(of_manifest "$1" 3) size=$(of_manifest "$1" 4)
  matches "$digest $size" '[0-9a-f]{64} [0-9]{1,10}' ||
    fail $E_FAILED "release $version has no $1: build it anew on the coordinator"
  [ "$size" -le "$2" ] || tampered "$1 is said to be $size bytes long"
  if ! fetch "/agent/releases/$version/$1" "$tmp/$1" "$size" "$3"; then
    case $fetched in
      63 | 23) tampered "$1 is longer than the manifest says" ;;
    esac
    cannot_fetch "/agent/releases/$version/$1"
  fi
  [ "$(wc -c <"$tmp/$1")" -eq "$size" ] || tampered "$1 is not as long as the manifest says"
  [ "$(sha256sum <"$tmp/$1")" = "$digest  -" ] || tampered "$1 is not what the manifest says"
}

# --- What is laid out ---

# is_intact VERSION: whether it is laid out just as the manifest has it and as it was checked then.
is_intact() {
  cmp -s "$tmp/manifest" "$opt/releases/$1/manifest" &&
    (cd "$opt/releases/$1" && sha256sum --check --status --strict digests) 2>/dev/null
}

fetch_release() {
  compressed=$agent-linux-$arch.gz
  kilobytes=$(($(of_manifest "$compressed" 4 | grep -Ex '[0-9]{1,9}' || echo 0) / 1024))
  need_disk "$tmp" $((kilobytes + 4096))
  need_disk "$opt" $((4 * kilobytes + 4096))
  for name in install.sh $unit_names; do fetch_file "$name" $max_small 60; done
  say "Fetching $agent $version for $arch, $((kilobytes / 1024)) MB"
  fetch_file "$compressed" $max_large 1800
}

# Beside the others, and under its name as a whole; a damaged one is mended file by file.
lay_out_release() {
  [ -d "$opt" ] || undo_release="$opt"
  mkdir -p "$opt/releases"
  chmod 755 "$opt" "$opt/releases"
  rm -rf "$opt/releases"/.new.*
  staging=$(mktemp -d "$opt/releases/.new.XXXXXX")
  gzip -dc "$tmp/$compressed" >"$staging/$agent" ||
    fail $E_DISK "cannot unpack $agent $version into $opt: make room there, then run this again"
  chmod 755 "$staging" "$staging/$agent"
  said=$(timeout 60 "$staging/$agent" --version 2>&1 </dev/null) || :
  [ "$said" = "$version" ] ||
    fail $E_FAILED "$agent $version does not run here ($(printf '%s' "$said" | tail -n 1)): nothing was changed. Is $opt mounted noexec?"
  for name in install.sh $unit_names; do cp "$tmp/$name" "$staging/$name"; done
  cp "$tmp/signature" "$staging/manifest.sig"
  cp "$tmp/manifest" "$staging/manifest"
  (cd "$staging" && sha256sum -- * >digests)
  (cd "$staging" && chmod 644 ./*.service ./*.path manifest manifest.sig digests && chmod 755 install.sh)
  sync -f "$staging" 2>/dev/null || :
  if [ -d "$opt/releases/$version" ]; then
    for file in "$staging"/*; do mv -f "$file" "$opt/releases/$version/"; done
    rmdir "$staging"
  else
    undo_release=${undo_release:-$opt/releases/$version}
    mv -T "$staging" "$opt/releases/$version"
  fi
  staging=''
  restart=yes
}

# put FILE PLACE MODE: the file is there as a whole or not at all, and left alone where it is the same.
put() {
  ! cmp -s "$1" "$2" || return 0
  putting=$2.new
  cp "$1" "$putting"
  chmod "$3" "$putting"
  mv -fT "$putting" "$2"
  changed=yes
}

put_units() { # VERSION
  for name in $unit_names; do
    cmp -s "$opt/releases/$1/$name" "$units/$name" || reload=yes
    put "$opt/releases/$1/$name" "$units/$name" 644
  done
  [ "$systemd" -ge 247 ] || put_credential_for_old_systemd
  # What this shell runs from is replaced and not written to.
  put "$opt/releases/$1/install.sh" "$opt/install.sh" 755
}

# Before 247 systemd hands out no credentials: a copy for the service's user, in its own directory in memory.
put_credential_for_old_systemd() {
  cat >"$tmp/credential.conf" <<END
[Service]
LoadCredential=
RuntimeDirectory=$agent
RuntimeDirectoryMode=0700
ExecStartPre=+/bin/sh -c 'install -m 400 -o "\$\$(stat -L -c %%u /run/$agent)" $etc/credential /run/$agent/credential'
Environment=WATCHPOST_CREDENTIAL_FILE=/run/$agent/credential
END
  mkdir -p "$units/$agent.service.d"
  chmod 755 "$units/$agent.service.d"
  cmp -s "$tmp/credential.conf" "$units/$agent.service.d/credential.conf" || reload=yes
  put "$tmp/credential.conf" "$units/$agent.service.d/credential.conf" 644
}

point_at() { # VERSION
  [ "$(readlink "$opt/current" 2>/dev/null)" != "releases/$1" ] || return 0
  ln -sfn "releases/$1" "$opt/.current"
  mv -fT "$opt/.current" "$opt/current"
  restart=yes
}

put_settings() {
  if [ ! -d "$etc" ]; then
    undo_etc=yes
    mkdir -m 700 "$etc"
  fi
  [ ! -f "$etc/agent.env" ] || return 0
  {
    say "# Settings of the Watchpost agent; $opt/current/$agent --help names them."
    say "# They are yours: upgrades leave this file as it is. After a change: systemctl restart $agent"
    [ -z "${WATCHPOST_CA_FILE:-}" ] || say "WATCHPOST_CA_FILE=$WATCHPOST_CA_FILE"
    for name in https_proxy no_proxy; do
      eval "value=\${$name:-}"
      [ -z "$value" ] || say "$name=\"$(printf '%s' "$value" | sed 's/[\\"]/\\&/g')\""
    done
  } >"$tmp/agent.env"
  put "$tmp/agent.env" "$etc/agent.env" 600
}

# --- Who this agent is ---

# The token goes from a file or the terminal by a pipe: it is in no command line and no environment.
read_token() {
  token=''
  case $token_file in
    '')
      (: <>/dev/tty) 2>/dev/null ||
        fail $E_TOKEN "an enrolment token is needed, and there is no terminal to ask on: put it into a file and name it by --token-file"
      exec 8<>/dev/tty
      terminal=$(stty -g <&8)
      stty -echo <&8
      printf 'Enrolment token: ' >&8
      IFS= read -r token <&8 || :
      stty "$terminal" <&8
      terminal=''
      printf '\n' >&8
      exec 8>&-
      ;;
    -) IFS= read -r token || : ;;
    *)
      [ -f "$token_file" ] || fail $E_TOKEN "there is no token in $token_file: write it there, or name another --token-file"
      IFS= read -r token <"$token_file" || :
      ;;
  esac
  matches "$token" '[A-Za-z0-9._~-]{8,256}' ||
    fail $E_TOKEN "this is no enrolment token: copy it as \"watchpost agents enroll\" printed it"
}

enroll() {
  say "Enrolling at $coordinator"
  enrolled=0
  printf '%s\n' "$token" | timeout 90 "$opt/releases/$version/$agent" enroll --coordinator "$coordinator" \
    --token-file - --output "$etc/credential.new" ${region:+--region "$region"} >"$tmp/enroll" 2>&1 || enrolled=$?
  token=''
  if [ "$enrolled" -ne 0 ]; then
    rm -f "$etc/credential.new"
    said=$(tail -n 1 "$tmp/enroll" | sed "s/^$agent: //")
    case $said in
      *"clock of this machine"*) fail $E_CLOCK "$said" ;;
      *"not reachable"*) fail $E_REACH "$said" ;;
      *"enrolment token"*) fail $E_TOKEN "$said" ;;
      *) fail $E_FAILED "the enrolment failed: ${said:-it ended with $enrolled}" ;;
    esac
  fi
  chmod 600 "$etc/credential.new"
  before=$(of_credential agentId)
  [ -z "$before" ] || timeout 120 systemctl stop "$agent.service" || :
  mv -fT "$etc/credential.new" "$etc/credential"
  if [ -n "$before" ]; then
    # What the agent kept is of the one that it was; but what it measured from this region, for these people, is
    # true still.
    state=$(state_directory) spool=spool-$(of_credential region)
    [ "$enrolled_at" = "$coordinator" ] || spool=none
    [ -z "$state" ] || find "$state" -mindepth 1 -maxdepth 1 ! -name "$spool" ! -name "$spool-[0-9]" \
      ! -name "$spool-[0-9][0-9]" -exec rm -rf {} +
  fi
  # From here on the token is used up: what was made stays, and the next run goes on from here.
  undo_release='' undo_etc=no
  restart=yes
}

# --- What runs ---

of_service() { # PROPERTY
  systemctl show --property "$1" --value "$agent.service"
}

find_port() {
  port=$(sed -n 's/^WATCHPOST_HEALTH_PORT=[^0-9]*\([0-9]*\).*/\1/p' "$etc/agent.env" 2>/dev/null | tail -n 1)
  port=${port:-8081}
}

# Whether the agent answers that it is ready, or need not answer; or $trouble is why not.
is_ready() {
  [ "$port" -ne 0 ] || return 0
  answer=$(curl --silent --noproxy '*' --max-time 3 --max-filesize 65536 --write-out ' %{http_code}' "http://127.0.0.1:$port/readyz") || :
  case $answer in *' 200') return 0 ;; esac
  trouble="it is not ready: $(printf '%s' "$answer" | tr -cd '[:print:]' | cut -c 1-300)"
  return 1
}

# One that is in place may have been revoked since, or not reach anybody any more.
must_be_ready() {
  find_port
  tries=0
  until is_ready; do
    tries=$((tries + 1))
    [ $tries -lt 10 ] ||
      fail $E_NOT_READY "$agent $version is in place but $trouble; see journalctl -u $agent. One that was revoked takes --reenroll and a new token"
    sleep 0.5
  done
}

# Restarts the service and waits until it is active, has said so, and answers that it is ready; or $trouble is why not.
start_and_watch() {
  old=$(of_service MainPID)
  systemctl reset-failed "$agent.service" 2>/dev/null || :
  systemctl restart --no-block "$agent.service"
  find_port
  tries=0 drains=0 seen='' trouble='it does not start'
  while [ $tries -lt $((2 * patience)) ]; do
    sleep 0.5
    pid=$(of_service MainPID)
    # The old one may finish what it has begun.
    if [ "$pid" = "$old" ] && [ "$old" != 0 ] && [ $drains -lt 600 ]; then
      drains=$((drains + 1))
      continue
    fi
    tries=$((tries + 1))
    # A first start may have to wait for others; an upgrade begins where all was well.
    if [ "$(of_service NRestarts)" -ge "$([ -n "${previous:-}" ] && echo 3 || echo 10)" ]; then
      trouble='it ends again and again'
      return 1
    fi
    if [ "$pid" = 0 ] || ! systemctl is-active --quiet "$agent.service"; then
      seen=''
      continue
    fi
    if ! is_ready; then
      seen=''
      continue
    fi
    [ "$seen" != "$pid" ] || return 0
    seen=$pid
  done
  return 1
}

# The release that ran before, with its units; without a word, for the one who calls it has words.
put_back() {
  reload=no
  put_units "$previous"
  point_at "$previous"
  systemctl daemon-reload
}

activate() {
  previous=$installed reload=no
  activating=yes
  put_units "$version"
  point_at "$version"
  [ $reload = no ] || restart=yes
  systemctl daemon-reload
  for name in "$agent.service" "$agent-upgrade.path"; do
    systemctl is-enabled --quiet "$name" 2>/dev/null || systemctl enable --quiet "$name"
  done
  if [ $start = no ]; then
    activating=no
    say "$agent $version is installed and not started: systemctl start $agent $agent-upgrade.path"
    return 0
  fi
  systemctl start "$agent-upgrade.path"
  if start_and_watch; then
    activating=no
    forget_old_releases
    say "$agent $version runs as ${agent_id:-$(of_credential agentId)} in $(of_credential region)"
    return 0
  fi
  activating=no
  reason=$trouble
  if [ -z "$previous" ] || [ "$previous" = "$version" ]; then
    fail $E_NOT_READY "$agent $version is installed but $reason; it goes on trying: see journalctl -u $agent"
  fi
  put_back
  rm -rf "$opt/releases/$version"
  start_and_watch || fail $E_ROLLED_BACK "$agent $version was taken back, for $reason; $previous is back but $trouble: see journalctl -u $agent"
  fail $E_ROLLED_BACK "$agent $version was taken back, for $reason; $previous runs again: see journalctl -u $agent"
}

# The one that runs and the one before it are kept.
forget_old_releases() {
  for directory in "$opt/releases"/*; do
    case ${directory##*/} in
      "$version" | "${previous:-$version}") ;;
      *) [ "${previous:-$version}" = "$version" ] || rm -rf "$directory" ;;
    esac
  done
}

# --- What the agent asked for ---

# The directory is the agent's: nothing in it is followed, and nothing it says is repeated.
state_directory() {
  for directory in "/var/lib/private/$agent" "/var/lib/$agent"; do
    if [ -d "$directory" ] && [ ! -L "$directory" ]; then say "$directory" && return; fi
  done
}

# Takes the request, so that it is answered once.
take_request() {
  asked=no
  state=$(state_directory)
  [ -n "$state" ] && [ -f "$state/upgrade-request" ] && [ ! -L "$state/upgrade-request" ] || return 0
  request=$(timeout 5 head -c 65 "$state/upgrade-request" | tr -d '\000' | head -n 1) || request=''
  rm -f "$state/upgrade-request"
  asked=yes
  is_version "$request" || fail $E_USAGE "the upgrade that was asked for names no version"
  wanted=$request
}

# report CODE WORDS: tells the agent what became of the upgrade that it asked for.
report() {
  [ "${asked:-no}" = yes ] && [ -d "${state:-}" ] || return 0
  case $1 in
    0) outcome='done' ;;
    "$E_ROLLED_BACK") outcome=rolled-back ;;
    *) outcome=failed ;;
  esac
  # Made where the agent cannot reach, and moved, which follows nothing that the agent put there.
  result=$(mktemp "$opt/.result.XXXXXX") || return 0
  printf '{"version":"%s","state":"%s","detail":"%s"}\n' "$wanted" "$outcome" \
    "$(printf '%s' "$2" | tr -d '\\"' | tr -cd '[:print:]' | cut -c 1-500)" >"$result"
  chmod 644 "$result"
  mv -fT "$result" "$state/upgrade-result" 2>/dev/null || rm -f "$result"
}

# --- From beginning to end ---

install_agent() {
  installed=$(installed_version)
  [ "$installed" != none ] || installed=''
  [ $mode = install ] || [ -n "$installed" ] || fail $E_USAGE "no agent is installed here: run the line that \"watchpost agents enroll\" prints"

  enrolled_at=$(of_credential coordinatorUrl) enrolled_in=$(of_credential region)
  coordinator=${coordinator:-$enrolled_at}
  [ -n "$coordinator" ] || fail $E_USAGE "--coordinator is needed: copy the whole line that \"watchpost agents enroll\" printed"
  if [ -n "$enrolled_at" ] && [ $reenroll = no ]; then
    [ "$coordinator ${region:-$enrolled_in}" = "$enrolled_at $enrolled_in" ] ||
      fail $E_ENROLLED "this machine is enrolled at $enrolled_at in $enrolled_in: run it with --uninstall first, or with --reenroll and a new token"
  fi
  direct=''
  case $coordinator in
    http://*)
      direct='*' # As the agent does it, too.
      say "Beware: by http:// the token and the agent's secret can be read on the way. Use https:// outside of a trial."
      ;;
  esac
  take_key
  fetch_manifest

  if [ -n "$installed" ] && is_older "$version" "$installed"; then
    [ "$mode$wanted" = install ] ||
      fail $E_OLDER "$version is older than $installed, which is installed: nothing was changed"
    say "$installed is installed, and the coordinator has $version: the newer one stays"
    wanted=$installed
    fetch_manifest
  fi
  intact=no enrolling=no
  ! is_intact "$version" || intact=yes
  [ -f "$etc/credential" ] && [ $reenroll = no ] || enrolling=yes

  if [ $dry = yes ]; then
    say_plan
    return
  fi
  if [ $enrolling = yes ]; then read_token; fi
  if [ $intact = no ]; then
    fetch_release
    lay_out_release
  fi
  put_settings
  if [ $enrolling = yes ]; then enroll; fi
  put "$tmp/key.pem" "$etc/release-key.pem" 600
  undo_release='' undo_etc=no
  if ! is_in_place; then
    activate
    report 0 "$version runs"
    return
  fi
  [ $start = no ] || must_be_ready
  if [ $changed = yes ]; then
    say "$agent $version is in place, and what had changed around it is mended"
  else
    say "$agent $version is installed and runs: nothing was changed"
  fi
  report 0 "$version runs"
}

# The key in the line, or the one that was pinned when this was installed.
take_key() {
  if [ -n "$key" ]; then
    {
      say '-----BEGIN PUBLIC KEY-----'
      printf '%s' "$key" | tr -d '=' | tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | fold -w 64
      say '-----END PUBLIC KEY-----'
    } >"$tmp/key.pem"
  elif [ -f "$etc/release-key.pem" ]; then
    cp "$etc/release-key.pem" "$tmp/key.pem"
  else
    fail $E_USAGE "--key is needed: copy the whole line that \"watchpost agents enroll\" printed"
  fi
  openssl pkey -pubin -in "$tmp/key.pem" -noout 2>/dev/null ||
    fail $E_USAGE "--key is no public key: copy the whole line that \"watchpost agents enroll\" printed"
}

# Whether all that a run leaves is there, and runs.
is_in_place() {
  [ $restart = no ] && [ "$installed" = "$version" ] || return 1
  for name in $unit_names; do cmp -s "$opt/releases/$version/$name" "$units/$name" || return 1; done
  cmp -s "$opt/releases/$version/install.sh" "$opt/install.sh" || return 1
  [ "$systemd" -ge 247 ] || [ -f "$units/$agent.service.d/credential.conf" ] || return 1
  for name in "$agent.service" "$agent-upgrade.path"; do
    systemctl is-enabled --quiet "$name" 2>/dev/null || return 1
    [ $start = no ] || systemctl is-active --quiet "$name" || return 1
  done
}

say_plan() {
  if [ $intact = yes ]; then
    say "Would leave $opt/releases/$version as it is"
  else
    say "Would fetch $agent $version for $arch, verify it, and lay it out in $opt/releases/$version"
  fi
  if [ $enrolling = yes ]; then
    say "Would enrol at $coordinator with a token, and write $etc/credential"
  else
    say "Would stay enrolled at $coordinator as $(of_credential agentId)"
  fi
  if is_in_place; then
    say "Would change nothing about the service"
  else
    say "Would put $unit_names into $units and $([ $start = yes ] && echo "start $agent" || echo "not start $agent")"
  fi
  say "Nothing was changed."
}

uninstall_agent() {
  agent_id=$(of_credential agentId)
  if [ $dry = yes ]; then
    say "Would stop and remove $unit_names, $opt, $etc and /var/lib/$agent"
    return
  fi
  found=no
  for name in "$agent-upgrade.path" "$agent-upgrade.service" "$agent.service"; do
    if [ -e "$units/$name" ] || [ "$(systemctl show --property LoadState --value "$name")" = loaded ]; then
      found=yes
      timeout 300 systemctl stop "$name" || fail $E_FAILED "$name does not stop: see journalctl -u $name, then run this again"
      systemctl disable --quiet "$name" 2>/dev/null || :
    fi
    rm -rf "${units:?}/$name" "$units/$name.d"
  done
  systemctl daemon-reload
  systemctl reset-failed "$agent.service" "$agent-upgrade.service" "$agent-upgrade.path" 2>/dev/null || :
  for place in "$opt" "$etc" "/var/lib/$agent" "/var/lib/private/$agent"; do
    if [ -e "$place" ] || [ -L "$place" ]; then
      found=yes
      rm -rf "$place"
    fi
  done
  if [ $found = no ]; then
    say "No $agent is installed here: nothing was changed"
  else
    say "$agent is removed${agent_id:+; at the coordinator, end it for good: watchpost agents revoke $agent_id}"
  fi
}

# Whatever ends this run: what is half done is put back, and nothing is left lying about.
clean_up() {
  trap - EXIT HUP INT TERM
  set +e
  [ -z "${terminal:-}" ] || stty "$terminal" <&8
  if [ "${activating:-no}" = yes ] && [ -n "${previous:-}" ] && [ "$previous" != "$version" ]; then
    put_back
    systemctl restart --no-block "$agent.service"
  fi
  [ -z "${putting:-}" ] || rm -f "$putting"
  [ -z "${staging:-}" ] || rm -rf "$staging"
  [ -z "${undo_release:-}" ] || rm -rf "$undo_release"
  [ "${undo_etc:-no}" = no ] || rm -rf "$etc"
  [ -z "${tmp:-}" ] || rm -rf "$tmp"
}

main() {
  set -eu
  umask 077
  export LC_ALL=C
  newline='
'
  parse_arguments "$@"
  # curl itself takes this one from small letters alone.
  for name in https_proxy no_proxy; do
    capitals=$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')
    eval "value=\${$name:-\${$capitals:-}}"
    # shellcheck disable=SC2154 # The line above sets it.
    [ -z "$value" ] || export "$name=$value"
  done
  # Where a company's own authority was added, the agent is to trust whom curl trusts.
  if [ -z "${WATCHPOST_CA_FILE:-}" ] && [ -f "$all_authorities" ] && [ -n "$(ls -A "$own_authorities" 2>/dev/null)" ]; then
    export WATCHPOST_CA_FILE="$all_authorities"
  fi
  check_machine
  take_turn
  changed=no restart=no
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ $mode = uninstall ]; then
    uninstall_agent
    return
  fi
  tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/$agent-install.XXXXXX")
  [ $mode = install ] || [ -n "$wanted" ] || take_request
  install_agent
}

main "$@"
