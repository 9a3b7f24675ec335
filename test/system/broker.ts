/** A private RabbitMQ for tests: its own directory, cookie, port mapper and ports, all on 127.0.0.1, and no
 *  plugins (streams need none over AMQP 0-9-1). Every process it starts dies with the process that runs the
 *  tests, also when that is killed: the kernel sends each a SIGKILL then (setpriv --pdeathsig). */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const BIN = '/usr/lib/rabbitmq/bin';
/** A start takes 5 to 13 s, and up to 24 s on a busy machine. */
const START_MS_MAX = 90_000;

export interface Broker {
  readonly url: string;
  /** Ends the broker as a power cut of its process would, at once. */
  kill9(): Promise<void>;
  /** Stops its process, which keeps its connections: a frozen peer. */
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same data; waits until it answers. Ends it first where it runs. */
  restart(): Promise<void>;
  /** Runs rabbitmqctl; gives what it prints. */
  ctl(args: readonly string[]): Promise<string>;
  /** Ends all and removes the data. */
  stop(): Promise<void>;
}

export async function startBroker(): Promise<Broker> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tailglow-broker-'));
  const [amqpPort, distPort, epmdPort, ctlPort] = await freePorts(4);
  const ports = { amqpPort: amqpPort!, distPort: distPort!, epmdPort: epmdPort!, ctlPort: ctlPort! };
  const env = brokerEnvironment(directory, ports);
  const epmd = startBound('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], env, directory);
  let server: ChildProcess | undefined;
  const kill9 = async (): Promise<void> => {
    await killed(server);
    server = undefined;
  };
  const restart = async (): Promise<void> => {
    await kill9();
    server = startBound(path.join(BIN, 'rabbitmq-server'), [], env, directory);
    await answering(server, ports.amqpPort, directory);
  };
  const stop = async (): Promise<void> => {
    await kill9();
    await killed(epmd);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await restart();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `amqp://127.0.0.1:${ports.amqpPort}`,
    kill9,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    restart,
    ctl: async (args) =>
      (await promisify(execFile)(path.join(BIN, 'rabbitmqctl'), [...args], { env })).stdout,
    stop,
  };
}

interface Ports {
  readonly amqpPort: number;
  readonly distPort: number;
  readonly epmdPort: number;
  readonly ctlPort: number;
}

/** Writes the broker's files and gives the environment of it and of rabbitmqctl. */
function brokerEnvironment(directory: string, ports: Ports): NodeJS.ProcessEnv {
  const file = (name: string): string => path.join(directory, name);
  for (const name of ['home', 'log', 'mnesia', 'generated']) mkdirSync(file(name));
  writeFileSync(file('home/.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 });
  writeFileSync(file('enabled_plugins'), '[].\n');
  writeFileSync(
    file('rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${ports.amqpPort}\nlog.console = false\n`,
  );
  const loopback = '-kernel inet_dist_use_interface {127,0,0,1}';
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: file('home'),
    ERL_EPMD_PORT: String(ports.epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: 'tailglow@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(ports.amqpPort),
    RABBITMQ_DIST_PORT: String(ports.distPort),
    RABBITMQ_CTL_DIST_PORT_MIN: String(ports.ctlPort),
    RABBITMQ_CTL_DIST_PORT_MAX: String(ports.ctlPort + 20),
    RABBITMQ_MNESIA_BASE: file('mnesia'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_LOGS: file('log/rabbit.log'),
    RABBITMQ_PID_FILE: file('pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
    RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: file('advanced.config'),
    RABBITMQ_GENERATED_CONFIG_DIR: file('generated'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: loopback,
    RABBITMQ_CTL_ERL_ARGS: loopback,
    // The start script becomes the Erlang machine instead of waiting beside it: one process, one id.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

function startBound(command: string, args: string[], env: NodeJS.ProcessEnv, cwd: string): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], { env, cwd, stdio: 'ignore' });
}

async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Resolves when the broker speaks AMQP on its port. */
async function answering(server: ChildProcess, port: number, directory: string): Promise<void> {
  const untilMs = Date.now() + START_MS_MAX;
  while (!(await speaksAmqp(port))) {
    if (server.exitCode !== null || server.signalCode !== null || Date.now() > untilMs) {
      throw new Error(`Cannot start RabbitMQ:\n${lastLines(path.join(directory, 'log/rabbit.log'))}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function speaksAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const done = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', () => socket.write('AMQP\0\0\x09\x01', 'latin1'));
    // Connection.Start comes in a method frame, type 1.
    socket.once('data', (bytes) => done(bytes[0] === 1));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
    socket.setTimeout(1000, () => done(false));
  });
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n');
  } catch {
    return '(it wrote no log)';
  }
}

/** Ports that are free now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
