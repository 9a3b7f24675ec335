/** `tailglow tail`: log files, as they grow. */
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { Target } from '../client.ts';
import { mappingOf, mapOption, type MappingFlags } from '../mapping-flags.ts';

interface TailFlags extends MappingFlags {
  readonly as: string;
  readonly format: 'auto' | 'combined' | 'json';
  readonly fromStart?: boolean;
  readonly host: string;
  readonly state?: string;
}

const HELP = `
Formats, told by the first line of each file:
  combined  as nginx and Apache write it, with the time a request took behind:
              log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status '
                '$body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time';
            or LogFormat "... %D". A bare number with a point is seconds, without one microseconds.
  json      an object a line. Found without --map: time, request_time (s), latency_ms, duration_ms,
            responseTime (ms), status, method, path, uri, request, and their like.

A route is the path without its query, with ids (numbers, uuids, hashes) as :id.
A line counts at its own time. One that cannot be read is told, and the next is read.

Follows rename and create as well as copy and truncate. While no server answers nothing is read, and it
goes on where it was: also after kill -9, each line once (what it needs for that is under --state).

Examples:
  tailglow tail /var/log/nginx/access.log
  tailglow tail app.log --as 'shop.requests by route, status, latency' --map route=req.path,latency=ms --unit ms
`;

export function tailCommand(target: (command: Command) => Target): Command {
  return new Command('tail')
    .description('follow access logs or JSON lines, and count them as they are written')
    .argument('<file...>', 'log files, through their rotation')
    .option('--as <what>', 'what takes the lines', 'access.requests by route, method, status, latency')
    .addOption(
      new Option('--format <format>', 'of the lines').choices(['auto', 'combined', 'json']).default('auto'),
    )
    .option('--from-start', 'also what is in the files already')
    .addOption(mapOption())
    .option('--unit <unit>', 'of bare values: ns us ms s, B KB KiB ..., %, or none')
    .addOption(new Option('--time-unit <unit>', 'of times that are numbers').choices(['s', 'ms', 'us', 'ns']))
    .option('--host <name>', 'name of this host in the data', hostname())
    .option('--state <dir>', 'where it remembers how far it is (~/.local/state/tailglow/tail)')
    .addHelpText('after', HELP)
    .action(async (files: readonly string[], flags: TailFlags, command: Command) => {
      const home = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
      const ending = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
      // Loaded here, so that the other commands start at once.
      const { tailFiles } = await import('../tail-files.ts');
      await tailFiles(target(command), {
        files,
        as: flags.as,
        format: flags.format === 'auto' ? undefined : flags.format,
        mapping: await mappingOf(flags),
        fromStart: flags.fromStart === true,
        host: flags.host,
        stateDirectory: flags.state ?? join(home, 'tailglow', 'tail'),
        signal: ending.signal,
      });
    });
}
