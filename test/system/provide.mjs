/** What the tests need from Debian: a RabbitMQ server, a browser, bpftrace, databases, Prometheus and its exporter of a
 *  host. Run before every test run; silent when all is there. As root it installs what is missing, and leaves no daemon
 *  behind: not running now, not started at boot. Not as root it says in one line what to install and fails: nothing is
 *  skipped in silence. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const needed = () => [
  { package: 'rabbitmq-server', file: '/usr/lib/rabbitmq/bin/rabbitmq-server' },
  { package: 'chromium', file: '/usr/bin/chromium' },
  { package: 'bpftrace', file: '/usr/bin/bpftrace' },
  { package: 'postgresql', file: postgres() },
  { package: 'mariadb-server-core', file: '/usr/sbin/mariadbd' },
  { package: 'redis-server', file: '/usr/bin/redis-server' },
  { package: 'prometheus', file: '/usr/bin/prometheus' },
  { package: 'prometheus-node-exporter', file: '/usr/bin/prometheus-node-exporter' },
];
const UNITS = [
  'rabbitmq-server.service',
  'epmd.service',
  'epmd.socket',
  'postgresql.service',
  'redis-server.service',
  'prometheus.service',
  'prometheus-node-exporter.service',
];
const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_BEFORE = '/usr/sbin/policy-rc.d.before-tailglow';

/** Below a directory of its version. */
function postgres() {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root) : [];
  const programs = versions.map((version) => `${root}/${version}/bin/postgres`);
  return programs.find((program) => existsSync(program)) ?? `${root}/*/bin/postgres`;
}

function missingPackages() {
  return needed()
    .filter((need) => !existsSync(need.file))
    .map((need) => need.package);
}

function fail(why) {
  process.stderr.write(`The system tests lack Debian packages: ${why}\n`);
  process.exit(1);
}

function aptGet(...args) {
  return spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Runs `install` while Debian's policy forbids every start of a service; puts back the policy that was there,
 *  also one that an earlier run left aside when it was killed. */
function withoutStartingServices(install) {
  if (existsSync(POLICY) && !existsSync(POLICY_BEFORE)) renameSync(POLICY, POLICY_BEFORE);
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const ignore = () => {};
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, ignore);
  try {
    return install();
  } finally {
    if (existsSync(POLICY_BEFORE)) renameSync(POLICY_BEFORE, POLICY);
    else rmSync(POLICY, { force: true });
  }
}

/** Process ids of Erlang's port mapper, which any Erlang tool starts, and which would listen on all addresses. */
function epmdPids() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'epmd\n';
      } catch {
        return false;
      }
    });
}

/** Undoes what the packages did beyond placing files: services enabled at boot, a port mapper started. Only
 *  what was not there before. */
function stopDaemons(unitsBefore, epmdBefore) {
  for (const unit of presentUnits().filter((u) => !unitsBefore.includes(u))) {
    spawnSync('systemctl', ['--no-reload', 'disable', unit]);
    if (unit === 'rabbitmq-server.service') spawnSync('update-rc.d', ['rabbitmq-server', 'disable']);
  }
  for (const pid of epmdPids().filter((p) => !epmdBefore.includes(p))) process.kill(Number(pid), 'SIGTERM');
}

function presentUnits() {
  return UNITS.filter((unit) => existsSync(`/lib/systemd/system/${unit}`));
}

function install(packages) {
  const unitsBefore = presentUnits();
  const epmdBefore = epmdPids();
  process.stdout.write(`Installing ${packages.join(' ')} for the system tests\n`);
  const update = aptGet('update');
  const result = withoutStartingServices(() =>
    aptGet('install', '-y', '--no-install-recommends', ...packages),
  );
  stopDaemons(unitsBefore, epmdBefore);
  if (result.status !== 0) {
    process.stderr.write(`${update.stderr ?? ''}${result.stderr ?? ''}`);
    fail(`${packages.join(' ')} could not be installed (apt-get ${result.error?.message ?? result.status})`);
  }
}

const missing = missingPackages();
if (missing.length > 0) {
  if (process.getuid?.() !== 0) {
    fail(`as root, run apt-get install --no-install-recommends ${missing.join(' ')}`);
  }
  install(missing);
  const still = missingPackages();
  if (still.length > 0) fail(`${still.join(' ')} is installed, but not where it is expected`);
}

/** The tracepoints' directory, where nobody has mounted it; the tests of probes say so and are skipped where root may
 *  not mount either. */
if (
  process.getuid?.() === 0 &&
  existsSync('/sys/kernel/tracing') &&
  !existsSync('/sys/kernel/tracing/events')
) {
  spawnSync('mount', ['-t', 'tracefs', 'tracefs', '/sys/kernel/tracing']);
}
