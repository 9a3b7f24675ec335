/** Builds the add-on; npm runs it as this package's `install` script. Quiet when it works. Where it cannot be
 *  built it says so in one line and lets the installation go on: starting then tells what to do.
 *  Needs no network where Node's headers are beside Node, as its own installers put them. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const binFolder = dirname(process.execPath);

/** Command and first arguments of node-gyp: npm's own way to name it, on the PATH, or inside npm. */
function nodeGyp() {
  const named = process.env.npm_config_node_gyp;
  if (named && existsSync(named)) return [process.execPath, named];
  const folders = [...(process.env.PATH ?? '').split(delimiter), binFolder];
  const onPath = folders.map((f) => join(f, 'node-gyp')).find((f) => existsSync(f));
  if (onPath) return [onPath];
  const npm = folders.map((f) => join(f, 'npm')).find((f) => existsSync(f));
  const inNpm = npm && join(dirname(realpathSync(npm)), '../node_modules/node-gyp/bin/node-gyp.js');
  return inNpm && existsSync(inNpm) ? [process.execPath, inNpm] : undefined;
}

function headers() {
  const root = dirname(binFolder);
  const beside = existsSync(join(root, 'include/node/node_api.h'));
  return beside && !process.env.npm_config_nodedir ? ['--nodedir', root] : [];
}

function build() {
  const gyp = nodeGyp();
  if (gyp === undefined) return 'node-gyp is not found (it comes with npm)';
  const [command, ...first] = gyp;
  const args = [...first, 'rebuild', '-C', folder, '--loglevel=error', ...headers()];
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return error.message;
  if (status === 0) return undefined;
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => /stack \w*Error|error: |not found|no such/i.test(line));
  return lines[0]?.replace(/^gyp ERR! (stack )?/, '').trim() ?? `node-gyp ended with ${status}`;
}

const fault = build();
if (fault !== undefined) {
  console.error(
    `tailglow: the native kernel was not built (${fault}); install a C++ compiler, make and python3 and run ` +
      `\`node ${join(folder, 'install.mjs')}\`, or start with --kernel reference`,
  );
}
