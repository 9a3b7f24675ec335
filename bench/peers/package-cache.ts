/** Where peers come from: Debian packages, downloaded and unpacked but never installed (what they run on installing
 *  starts daemons that listen to everyone), and npm packages, in one folder that is kept between runs. Nothing here
 *  is a dependency of the project. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CannotError } from './peer.ts';

const NPM_PACKAGES = ['@duckdb/node-api@1.5.6-r.1', 'protobufjs@8.8.1', 'snappy@7.4.3'];
const VERSION_FILE = 'tailglow-bench-version';
const INSTALL_MS_MAX = 120_000;

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tailglow-bench');

export interface DebianPackage {
  /** Where it is unpacked. */
  readonly root: string;
  /** Of the program, without what Debian adds. */
  readonly version: string;
}

export function debianPackage(name: string): DebianPackage {
  const root = madeOnce(join(cache, `debian-${name}`), (directory) => {
    const download = mkdtempSync(join(cache, 'download-'));
    try {
      command('apt-get', ['download', '-q', name], download);
      const [file = 'nothing'] = readdirSync(download);
      command('dpkg', ['-x', join(download, file), directory], download);
      // NAME_VERSION_ARCHITECTURE.deb
      writeFileSync(join(directory, VERSION_FILE), file.split('_')[1] ?? '');
    } finally {
      rmSync(download, { recursive: true });
    }
  });
  return { root, version: /^[^+-]*/.exec(readFileSync(join(root, VERSION_FILE), 'utf8'))![0] };
}

/** An npm package that peers need and the project does not. What it exports is for the caller to check. */
export function npmPackage(name: string): unknown {
  return createRequire(npmPackages(NPM_PACKAGES))(name);
}

/** The file beside which the packages are found. */
export function npmPackages(packages: readonly string[]): string {
  const key = packages.join(' ').replace(/[^a-z0-9.]+/g, '-');
  const directory = madeOnce(join(cache, `npm${key}`), (made) =>
    command('npm', ['install', '--prefix', made, '--no-audit', '--no-fund', ...packages], made),
  );
  return join(directory, 'package.json');
}

/** Made aside and then named, so that what is there is whole. */
function madeOnce(path: string, make: (directory: string) => void): string {
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const aside = mkdtempSync(join(cache, 'new-'));
  try {
    make(aside);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error;
  }
  return path;
}

function command(program: string, args: readonly string[], cwd: string): void {
  try {
    execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], timeout: INSTALL_MS_MAX });
  } catch (cause) {
    const why = (cause instanceof Error ? cause.message : String(cause))
      .split('\n')
      .filter((line) => line !== '');
    throw new CannotError(`not to be had: ${why.at(-1)}`, { cause });
  }
}
