/** The command line, started by bin/tailglow. Reads argv and the environment once; every command is a file in commands/. */
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { packageRoot, packageVersion } from '../service/package.ts';
import { CommandFailure, commandName, EXIT, type Target } from './client.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { instrumentCommand, lifeCommands } from './commands/instrument.ts';
import { instrumentationsCommand } from './commands/instrumentations.ts';
import { metricsCommand } from './commands/metrics.ts';
import { queryCommand } from './commands/query.ts';
import { replayCommand } from './commands/replay.ts';
import { serveCommand } from './commands/serve.ts';
import { tailCommand } from './commands/tail.ts';
import { verifyCommand } from './commands/verify.ts';
import type { SettingsError } from './settings.ts';

const ABOUT = `Tailglow shows where latency lives: it counts every operation into per-second
histograms at its source and draws them as a heatmap over time, live and for ever after.`;

const FIRST = `
First steps:
  tailglow serve --demo        start it with a small web shop to look at, on http://127.0.0.1:8124
  tailglow query 'http.requests by route, latency last 5m'
  tailglow metrics             what can be measured here, and what cannot, and why
  tailglow instrument 'http.requests by route, latency'

Exit codes: 0 ok, 1 refused, 2 usage, 3 no server.
`;

/** The server that is talked to where nothing else is said. */
const USUAL_URL = process.env['TAILGLOW_URL'] ?? 'http://127.0.0.1:8124';
const root = packageRoot(fileURLToPath(import.meta.url));

function program(): Command {
  const target = (given: Command): Target => {
    const { url } = given.optsWithGlobals<{ url: string }>();
    const command = url === USUAL_URL ? commandName() : `${commandName()} --url ${url}`;
    return { url, token: process.env['TAILGLOW_TOKEN'] ?? '', command };
  };
  const top = new Command('tailglow')
    .description(ABOUT)
    .version(packageVersion(root), '-V, --version')
    .option('--url <url>', 'the server to talk to', USUAL_URL)
    .addHelpText('after', FIRST)
    .showHelpAfterError('(--help shows how)')
    .exitOverride();
  for (const command of [
    serveCommand(root),
    queryCommand(target),
    instrumentCommand(target),
    instrumentationsCommand(target),
    ...lifeCommands(target),
    metricsCommand(target),
    importCommand(target),
    tailCommand(target),
    exportCommand(target),
    replayCommand(),
    verifyCommand(),
  ]) {
    top.addCommand(command.copyInheritedSettings(top));
  }
  return top;
}

async function main(): Promise<number> {
  try {
    await program().parseAsync(process.argv);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof CommandFailure) {
      process.stderr.write(`${error.message}\n`);
      return error.exitCode;
    }
    const coded = error as { code?: string; message?: string; stack?: string };
    if (coded.code === 'SETTINGS') {
      const { faults } = error as SettingsError;
      process.stderr.write(`The settings do not fit:\n${faults.map((f) => `  ${f}`).join('\n')}\n`);
      return EXIT.usage;
    }
    process.stderr.write(`tailglow: ${coded.code === undefined ? coded.stack : coded.message}\n`);
    return EXIT.refused;
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await main();
