/** Completion and highlighting come from the parser: whatever is offered can stand there. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complete } from '../../src/query/complete.ts';
import { tokens } from '../../src/query/highlight.ts';
import { nextAfter } from '../../src/query/next.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { printStatement } from '../../src/query/print.ts';
import { lexer } from '../../src/query/token.ts';
import { arbitraryStatement, livingShop } from '../arbitrary/query.ts';
import { documentCatalogue } from './document-catalogue.ts';

const catalogue = livingShop;

const keyValues = (_metric: string, field: string): readonly string[] =>
  ({ route: ['/', '/cart', '/ch"eckout'], status: ['200', '503'], host: ['web1'], execname: ['postgres'] })[
    field
  ] ?? [];

/** Offers at the mark `^`, or at the end. */
function offers(marked: string): string[] {
  const at = marked.indexOf('^');
  const text = marked.replace('^', '');
  return complete(text, at < 0 ? text.length : at, catalogue, keyValues).map((c) => c.text);
}

describe('completion', () => {
  it('begins with metrics and statements', () => {
    expect(offers('')).toEqual([
      'http.requests',
      'disk.io',
      'cpu.usage',
      'instrument',
      'drop',
      'pause',
      'resume',
      'pin',
      'unpin',
      'show',
      'explain',
    ]);
    expect(offers('ht')).toEqual(['http.requests']);
    expect(offers('EX')).toEqual(['explain']);
    expect(offers('explain d')).toEqual(['disk.io']);
    expect(offers('explain i')).toEqual(['instrument']);
    expect(offers('explain instrument ht')).toEqual(['http.requests']);
    expect(offers('explain instrument http.requests e')).toEqual(['every']);
    expect(offers('show ')).toEqual(['metrics', 'instrumentations', 'sources', 'pins']);
    expect(offers('drop ')).toEqual(['checkout-latency']);
    expect(offers('drop check')).toEqual(['checkout-latency']);
    expect(offers('pause ')).toEqual(['checkout-latency']);
    expect(offers('resume ')).toEqual(['checkout-latency']);
    expect(offers('pin ')).toEqual(['checkout-latency']);
    expect(offers('pin checkout-latency ')).toEqual(['last', 'from']);
    expect(offers('pin checkout-latency last 5m as ')).toEqual([]);
    expect(offers('unpin ')).toEqual(['incident']);
    expect(offers('instrument http.requests as ')).toEqual([]);
  });

  it('offers each clause once', () => {
    expect(offers('http.requests ')).toEqual([
      'where',
      'by',
      'last',
      'from',
      'step',
      'offset',
      'as',
      'name',
      '|',
    ]);
    expect(offers('http.requests by route last 10m ')).toEqual([
      'where',
      'step',
      'offset',
      'as',
      'name',
      '|',
    ]);
    expect(offers('http.requests from now-5m to now ')).not.toContain('last');
    expect(offers('http.requests by latency | heatmap hue none ')).not.toContain('hue');
  });

  it('knows the fields of the metric, and what they take', () => {
    expect(offers('http.requests by ')).toEqual(['route', 'host', 'method', 'status', 'latency', 'size']);
    expect(offers('http.requests by route, l')).toEqual(['latency']);
    expect(offers('http.requests by route, ')).not.toContain('route');
    expect(offers('http.requests where latency ')).toEqual(['==', '!=', '<', '<=', '>', '>=']);
    expect(offers('http.requests where route ')).toEqual(
      expect.arrayContaining(['=~', 'prefix', 'in', 'not']),
    );
    expect(offers('http.requests where route ')).not.toContain('<');
    expect(offers('http.requests by route, host, latency | heatmap hue route, ')).toEqual(['host']);
  });

  it('knows the ways to name keys', () => {
    expect(offers('http.requests name ')).toEqual(['route', 'host', 'method', 'status']);
    expect(offers('http.requests name host ')).toEqual(['by']);
    expect(offers('http.requests name host by ')).toEqual(['dns', 'geo', 'racks', '"my racks"']);
    expect(offers('http.requests by host name host by dns, ')).toEqual(['route', 'method', 'status']);
    expect(offers('http.requests name host by dns, route ')).toEqual(['by']);
    expect(offers('http.requests name host by dns ')).toEqual([
      'where',
      'by',
      'last',
      'from',
      'step',
      'offset',
      'as',
      '|',
    ]);
    expect(offers('http.requests by name last 5m ')).toEqual(['where', 'step', 'offset', 'as', 'name', '|']);
  });

  it('knows the values of keys', () => {
    expect(offers('http.requests where route == ')).toEqual(['"/"', '"/cart"', '"/ch\\"eckout"']);
    expect(offers('http.requests where route == "/ca')).toEqual(['"/cart"']);
    expect(offers('http.requests where status in (')).toEqual(['200', '503']);
    expect(offers('http.requests where status == 200 and host not in ("web1", ')).toEqual(['"web1"']);
    expect(offers('http.requests where route prefix "')).toContain('"/cart"');
    expect(offers('http.requests by route, latency | heatmap select ')).toContain('"/cart"');
    expect(offers('http.requests by route, latency | heatmap title "')).toEqual([]);
  });

  it('knows stages, options, times and durations', () => {
    expect(offers('http.requests | ')).toEqual([
      'heatmap',
      'histograms',
      'percentiles',
      'top',
      'count',
      'rate',
      'average',
      'maximum',
      'share',
      'apdex',
      'cell',
      'compare',
      'diff',
    ]);
    expect(offers('http.requests by latency | cell ')).toEqual(['at', 'from']);
    expect(offers('http.requests by latency | cell at now-5m, 48ms ')).toEqual(['step', 'y', 'buckets', '|']);
    expect(offers('http.requests by latency | cell at now-5m, 48ms step 2s ')).toEqual(['y', 'buckets', '|']);
    expect(offers('http.requests by latency | compare from now-5m to now ')).toEqual(['y', '|']);
    expect(offers('http.requests by latency | diff ')).toEqual([
      'offset',
      'route',
      'host',
      'method',
      'status',
    ]);
    expect(offers('http.requests by latency | diff route ')).toContain('"/cart"');
    expect(offers('http.requests by latency | heatmap palette ')).toEqual([
      'viridis',
      'cividis',
      'magma',
      'inferno',
    ]);
    expect(offers('http.requests by latency | heatmap y l')).toEqual(['log', 'linear']);
    expect(offers('http.requests last ')).toContain('10m');
    expect(offers('http.requests last 15')).toEqual(['15s', '15m', '15h', '15d', '15w']);
    expect(offers('instrument http.requests keep 1d, 7d at ')).toEqual(['10s', '1m', '10m', '1h']);
    expect(offers('http.requests from ')).toContain('now-5m');
    expect(offers('http.requests by latency | top 5 ')).toEqual(['by']);
  });

  it('looks only at what stands before the place, and says what it replaces', () => {
    expect(complete('http.requests by lat, route', 20, catalogue)).toEqual([
      { text: 'latency', kind: 'field', detail: 'Latency, time', offset: 17, length: 3 },
    ]);
  });

  it('takes the first of two dots as typed, whatever it becomes', () => {
    const replaced = (text: string) =>
      complete(text, text.length, catalogue).map((c) => text.slice(0, c.offset) + c.text);
    expect(replaced('http.requests by latency | heatmap y 0.')).toEqual([
      'http.requests by latency | heatmap y 0..',
    ]);
    expect(replaced('http.requests by latency | heatmap y 1ms.')).toEqual([
      'http.requests by latency | heatmap y 1ms..',
    ]);
    expect(replaced('http.requests by latency | heatmap y 0')).toContain(
      'http.requests by latency | heatmap y 0ns',
    );
    expect(replaced('http.requests last 10m.')).toEqual([]);
    expect(replaced('http.requests by latency | top 5 §')).toEqual([]);
  });

  it('offers nothing where nothing fits', () => {
    expect(offers('http.requests nonsense ')).toEqual([]);
    expect(offers('show metrics ')).toEqual([]);
  });

  it('the next word of a right statement is among the offers for its beginning', () => {
    fc.assert(
      fc.property(arbitraryStatement(catalogue).map(printStatement), fc.nat(), (text, pick) => {
        const words = tokens(text).filter(
          (token) => token.kind === 'keyword' || token.kind === 'field' || token.kind === 'metric',
        );
        const word = words[pick % words.length]!;
        const found = text.slice(word.offset, word.offset + word.length);
        const offered = complete(text, word.offset, catalogue).map((c) => c.text);
        expect({ text, offered }).toEqual({ text, offered: expect.arrayContaining([found]) });
      }),
      { numRuns: 200 },
    );
  });

  it('what is offered can be read there', () => {
    fc.assert(
      fc.property(arbitraryStatement(catalogue).map(printStatement), fc.nat(), fc.nat(), (text, at, pick) => {
        const offset = at % (text.length + 1);
        const list = complete(text, offset, catalogue, keyValues);
        if (list.length === 0) return;
        const one = list[pick % list.length]!;
        const completed = `${text.slice(0, one.offset)}${one.text}`;
        const result = parseStatement(completed);
        const end = completed.length - one.text.length;
        const wrong =
          'diagnostics' in result
            ? result.diagnostics.filter(
                (d) => d.code === 'SYNTAX' && d.position.offset >= end && d.position.length > 0,
              )
            : [];
        expect({ completed, wrong }).toEqual({ completed, wrong: [] });
      }),
      { numRuns: 200 },
    );
  });
});

const page = readFileSync(new URL('../../docs/QUERY_LANGUAGE.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```tailglow\n([^]*?)^```$/gm)].flatMap((m) =>
  m[1]!.trimEnd().split('\n\n'),
);

/** What only a person can say: new names, titles; numbers of fields that have no typical ones. */
const FREE: ReadonlySet<string> = new Set(['as', 'title']);

describe('at every place of every example of the specification', () => {
  const documented = documentCatalogue(catalogue);
  it.each(examples)('something is offered, and can be read there: %s', (text) => {
    const { tokens: all } = lexer.tokenize(text);
    all.forEach(({ startOffset }, i) => {
      const prefix = `${text.slice(0, startOffset).trimEnd()} `.trimStart();
      const list = complete(prefix, prefix.length, documented, keyValues);
      if (list.length === 0) {
        expect({ prefix, before: all[i - 1]?.image }).toEqual({
          prefix,
          before: expect.toSatisfy((b) => FREE.has(b)),
        });
      }
      for (const one of list) {
        const completed = `${prefix.slice(0, one.offset)}${one.text}`;
        const goesOn = nextAfter(lexer.tokenize(completed).tokens).length > 0;
        const readable = goesOn || 'statement' in parseStatement(completed);
        expect({ completed, readable }).toEqual({ completed, readable: true });
      }
    });
  });
});

describe('what may follow', () => {
  it('is the same of the tokens that matter as of all', () => {
    fc.assert(
      fc.property(arbitraryStatement(catalogue).map(printStatement), fc.nat(), (text, at) => {
        const { tokens: all } = lexer.tokenize(text);
        const before = all.slice(0, at % (all.length + 1));
        const words = (max: number) =>
          new Set(nextAfter(before, max).map(({ rule, word }) => `${rule} ${word}`));
        expect({ text, words: words(0) }).toEqual({ text, words: words(Number.POSITIVE_INFINITY) });
      }),
      { numRuns: 150 },
    );
  });
});

describe('highlighting', () => {
  it('names the part that each token plays, a keyword as a name where it is one', () => {
    const text =
      'http.requests where size >= 64KiB by size, top last 10m # why\n| heatmap title "t" hue top §';
    const kinds = tokens(text).map(
      ({ offset, length, kind }) => `${text.slice(offset, offset + length)}:${kind}`,
    );
    expect(kinds).toEqual([
      'http.requests:metric',
      'where:keyword',
      'size:field',
      '>=:operator',
      '64KiB:number',
      'by:keyword',
      'size:field',
      ',:punctuation',
      'top:field',
      'last:keyword',
      '10m:number',
      '# why:comment',
      '|:punctuation',
      'heatmap:keyword',
      'title:keyword',
      '"t":text',
      'hue:keyword',
      'top:field',
      '§:error',
    ]);
  });
});
