/** House law that no linter knows: names, contracts, sizes. Each message says what to do instead. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '');
const sources = files.filter((path) => /^(src|bench|demo|web|test)\/.*\.ts$/.test(path));
const text = (path: string): string => readFileSync(path, 'utf8');

function offenders(paths: readonly string[], rule: (path: string) => string | undefined): string[] {
  return paths.flatMap((path) => rule(path) ?? []);
}

describe('house law', () => {
  it('names a file after what it exports', () => {
    const vague = /^(utils?|helpers?|common|types|misc|shared|index|manager|base)\.ts$/;
    expect(
      offenders(sources, (path) =>
        vague.test(basename(path)) ? `${path}: name the file after what it exports` : undefined,
      ),
    ).toEqual([]);
  });

  it('writes file names in kebab-case', () => {
    expect(
      offenders(sources, (path) =>
        /^[a-z0-9]+(-[a-z0-9]+)*(\.slow)?(\.(test|config|d))?\.ts$/.test(basename(path))
          ? undefined
          : `${path}: use kebab-case`,
      ),
    ).toEqual([]);
  });

  it('opens every source file with its contract', () => {
    expect(
      offenders(
        sources.filter((path) => path.startsWith('src/')),
        (path) =>
          /^(#!.*\n)?\/\*\*/.test(text(path))
            ? undefined
            : `${path}: open with /** what it owns, what it does not */`,
      ),
    ).toEqual([]);
  });

  it('leaves no unfinished note behind', () => {
    expect(
      offenders(
        sources.filter((path) => !path.startsWith('test/house/')),
        (path) =>
          /\b(TODO|FIXME|XXX)\b/.test(text(path)) ? `${path}: finish it, or say it in the docs` : undefined,
      ),
    ).toEqual([]);
  });

  it('keeps time and randomness out of pure rooms', () => {
    const pure = sources.filter((path) => /^src\/(model|kernel|query|render)\//.test(path));
    expect(
      offenders(pure, (path) => {
        if (path === 'src/model/clock.ts') return undefined;
        const found =
          /\b(Date\.now|Math\.random|performance\.now|new Date\(\)|setTimeout|setInterval)\b/.exec(
            text(path),
          );
        return found === null ? undefined : `${path}: ${found[0]} comes in as an argument (model/clock.ts)`;
      }),
    ).toEqual([]);
  });

  it('has a document for every link in the documents', () => {
    const documents = files.filter((path) => path.endsWith('.md'));
    expect(
      offenders(documents, (path) => {
        const missing = [...text(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
          .map((m) => m[1]!)
          .filter(
            (link) =>
              !files.includes(link) && !files.includes(`${dirname(path)}/${link}`.replace(/^\.\//, '')),
          );
        return missing.length === 0 ? undefined : `${path}: ${missing.join(', ')} do not exist`;
      }),
    ).toEqual([]);
  });
});
