/** docs/QUERY_LANGUAGE.md says what the parser does: its grammar, its examples, its defaults. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { QUERY_TEXT_MAX } from '../../src/model/limits.ts';
import { checkStatement } from '../../src/query/check.ts';
import { statementFromJson } from '../../src/query/json.ts';
import { NESTING_MAX, parseStatement } from '../../src/query/parse.ts';
import { livingShop } from '../arbitrary/query.ts';
import { documentCatalogue } from './document-catalogue.ts';
import { allWords, grammarText } from './ebnf.ts';
import { grammarSvg } from './railroad.ts';

const page = readFileSync(new URL('../../docs/QUERY_LANGUAGE.md', import.meta.url), 'utf8');

function fenced(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map((match) =>
    match[1]!.trimEnd(),
  );
}

const catalogue = documentCatalogue(livingShop);

function faults(text: string): string[] {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) return parsed.diagnostics.map((d) => d.message);
  const checked = checkStatement(parsed.statement, catalogue, text);
  return 'diagnostics' in checked ? checked.diagnostics.map((d) => d.message) : [];
}

describe('the page', () => {
  it('shows the grammar of the parser', () => {
    expect(fenced('ebnf')).toEqual([grammarText()]);
  });

  it('has the grammar as a picture too', async () => {
    await expect(grammarSvg()).toMatchFileSnapshot('../../docs/grammar.svg');
  });

  const examples = fenced('tailglow').flatMap((block) => block.split('\n\n'));
  it.each(examples)('example: %s', (text) => {
    expect(faults(text)).toEqual([]);
  });

  it('has many examples', () => {
    expect(examples.length).toBeGreaterThan(15);
  });

  const errors = fenced('tailglow-error').flatMap((block) => block.split('\n\n'));
  it.each(errors)('error: %s', (text) => {
    const [statement, expected] = text.split('\n=> ') as [string, string];
    expect(faults(statement)).toEqual([expect.stringContaining(expected)]);
  });

  it('shows the JSON form', () => {
    const [json] = fenced('json');
    expect(statementFromJson(JSON.parse(json!))).toMatchObject({
      text: 'http.requests where status >= 500 by route, latency last 10m | percentiles 50, 99',
    });
  });

  it('names every word of the language outside of the grammar too', () => {
    const prose = page.slice(0, page.indexOf('## Grammar'));
    const missing = allWords().filter((word) => !new RegExp(`\\b${word}\\b`).test(prose));
    expect(missing).toEqual([]);
  });

  it('gives the bounds that hold', () => {
    expect(page).toContain(`at most ${QUERY_TEXT_MAX} UTF-16 units`);
    expect(page).toContain(`up to ${NESTING_MAX} within each other`);
  });
});
