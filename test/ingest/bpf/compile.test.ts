import { Script, createContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileProgram, type OnlyIds, type Question } from '../../../src/ingest/bpf/compile.ts';
import { DriverError } from '../../../src/ingest/driver.ts';
import { gridOf, isNumeric } from '../../../src/model/metric.ts';
import { compilePredicate, type Literal, type Predicate } from '../../../src/model/predicate.ts';
import { kernelTerm } from '../../../src/ingest/bpf/predicate-script.ts';
import { catalogue, metricNamed } from './catalogue-for-test.ts';

function compiled(name: string, question: Partial<Question> = {}, only?: OnlyIds) {
  const metric = metricNamed(name);
  const grid = gridOf(metric.description, question.numeric);
  const limits = { host: 'web1', ...(only === undefined ? {} : { only }) };
  return compileProgram(metric, { by: [], grid, ...question }, limits);
}

const refusal = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof DriverError) return error.message;
    throw error;
  }
  return 'not refused';
};

describe('a program', () => {
  it.each(catalogue.map((metric) => metric.description.name))('for %s is as it was', async (name) => {
    const { fields, description } = metricNamed(name);
    const discrete = description.fields.filter((field) => !isNumeric(field)).map((field) => field.name);
    const numeric = description.fields.filter(isNumeric).map((field) => field.name);
    const texts = discrete.filter((field) => fields[field]!.kind === 'text');
    const others = discrete.filter((field) => fields[field]!.kind !== 'text');
    const programs = [
      ['nothing', compiled(name).text],
      [`by ${others.join(', ')}`, compiled(name, { by: others }).text],
      ...texts.map((field) => [`by ${field}`, compiled(name, { by: [field] }).text]),
      ...numeric.map((field) => [`by ${field}`, compiled(name, { by: [], numeric: field }).text]),
    ];
    const text = programs.map(([what, program]) => `// ${what}\n${program}`).join('\n');
    await expect(text).toMatchFileSnapshot(`golden/${name}.bt`);
  });

  it('decides what a task is at the start of its event, and what comes of it at the end', () => {
    const where: Predicate = {
      op: 'and',
      terms: [
        { op: 'eq', field: 'execname', value: 'pg' },
        { op: 'ge', field: 'latency', value: 1_000_000 },
        { op: 'ne', field: 'errno', value: 'none' },
      ],
    };
    const { text } = compiled('syscall.ops', { where, by: ['syscall'] });
    const enter = text.split('\n').find((line) => line.includes('sys_enter'))!;
    const exit = text.split('\n').find((line) => line.includes('sys_exit'))!;
    expect(enter).toContain('(comm == "\\x70\\x67")');
    expect(exit).toContain(
      'if (((int64)($i - @s[tid]) >= 1000000) && (((args->ret < 0 ? 0 - args->ret : 0) != 0)))',
    );
    expect(exit).not.toContain('comm');
  });

  it('takes names as the numbers that the kernel has', () => {
    const where: Predicate = { op: 'in', field: 'syscall', values: ['read', 'openat', '999'] };
    expect(compiled('syscall.ops', { where }).text).toContain(
      '(args->id == 0 || args->id == 257 || args->id == 999)',
    );
    const unknown: Predicate = { op: 'eq', field: 'syscall', value: 'raed' };
    expect(refusal(() => compiled('syscall.ops', { where: unknown }))).toBe(
      'Cannot look for "raed": this host knows no system call of that name',
    );
  });

  it('leaves to user space what the kernel has no words for, and has it in the key', () => {
    const pattern: Predicate = { op: 'match', field: 'execname', value: '^pg_' };
    const kept: Predicate = { op: 'eq', field: 'pid', value: 7 };
    const program = compiled('syscall.ops', {
      where: { op: 'and', terms: [pattern, kept] },
      by: ['syscall'],
    });
    expect(program.rest).toEqual({ op: 'and', terms: [pattern] });
    expect(program.keys.map((key) => key.name)).toEqual(['syscall', 'execname']);
    const mixed: Predicate = { op: 'or', terms: [pattern, { op: 'gt', field: 'latency', value: 5 }] };
    expect(refusal(() => compiled('syscall.ops', { where: mixed }))).toContain('ties "latency"');
  });

  it('refuses what it could not tell apart or compare', () => {
    expect(refusal(() => compiled('fs.opens', { by: ['path', 'execname'] }))).toContain(
      'take "pid" or "psargs"',
    );
    const long: Predicate = { op: 'eq', field: 'execname', value: 'a-very-long-program' };
    expect(refusal(() => compiled('syscall.ops', { where: long }))).toContain('the kernel keeps 15 bytes');
    const zero: Predicate = { op: 'eq', field: 'execname', value: 'a\0b' };
    expect(refusal(() => compiled('syscall.ops', { where: zero }))).toContain('zero byte');
    const fraction: Predicate = { op: 'lt', field: 'latency', value: 1.5 };
    expect(refusal(() => compiled('syscall.ops', { where: fraction }))).toContain('Cannot decide');
    for (const field of ['__proto__', 'constructor', 'toString', 'latency) { cat("/etc/shadow") } //']) {
      const where: Predicate = { op: 'eq', field, value: 1 };
      expect(refusal(() => compiled('syscall.ops', { where }))).toContain('Cannot find the field');
    }
  });

  it('measures nobody but those that the source is limited to, whatever is asked', () => {
    const only = { cgroup: [7, 8], uid: [33] };
    const where: Predicate = {
      op: 'or',
      terms: [
        { op: 'eq', field: 'uid', value: 0 },
        { op: 'ge', field: 'uid', value: 0 },
      ],
    };
    const start = compiled('syscall.ops', { where }, only).text.split('\n')[1]!;
    expect(start).toContain('((cgroup == 7 || cgroup == 8)) && ((uid == 33))');
    expect(compiled('disk.io', {}, only).text.split('\n')[1]).toContain('(cgroup == 7 || cgroup == 8)');
    expect(compiled('syscall.ops', {}, { cgroup: [] }).text.split('\n')[1]).toContain('&& (0)/');
    expect(refusal(() => compiled('tcp.retransmits', {}, only))).toContain('limited by cgroup');
  });

  it('folds the name of the host away', () => {
    const here: Predicate = { op: 'prefix', field: 'host', value: 'web' };
    expect(compiled('syscall.ops', { where: here, by: ['host', 'syscall'] }).keys.length).toBe(1);
    expect(compiled('syscall.ops', { where: { op: 'not', term: here } }).text).toContain('(!(1))');
  });
});

describe('a predicate', () => {
  const { fields } = metricNamed('syscall.ops');
  const number = fc.oneof(fc.integer({ min: -3, max: 600 }), fc.constantFrom(2 ** 53 - 1, -(2 ** 53 - 1)));
  const name = fc.oneof(
    fc.constantFrom('', 'a', 'ab', 'abc', 'é', '"', '\\', '\\x41', 'a"b', '123456789012345'),
    fc
      .string({ unit: 'binary', maxLength: 4 })
      .filter((s) => Buffer.byteLength(s) <= 15 && !s.includes('\0')),
  );
  const errno = fc.constantFrom('none', 'ENOENT', 'EAGAIN', '77');
  const test = fc.oneof(
    fc.record({
      op: fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'),
      field: fc.constantFrom('pid', 'latency'),
      value: number,
    }),
    fc.record({ op: fc.constantFrom('eq', 'ne', 'prefix'), field: fc.constant('execname'), value: name }),
    fc.record({ op: fc.constantFrom('eq', 'ne'), field: fc.constant('errno'), value: errno }),
    fc.record({
      op: fc.constant('in'),
      field: fc.constant('execname'),
      values: fc.array(name, { maxLength: 3 }),
    }),
  );
  const { predicate } = fc.letrec<{ predicate: Predicate }>((tie) => ({
    predicate: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      test as fc.Arbitrary<Predicate>,
      fc.record({ op: fc.constantFrom('and', 'or'), terms: fc.array(tie('predicate'), { maxLength: 3 }) }),
      fc.record({ op: fc.constant('not'), term: tie('predicate') }),
    ),
  }));
  const event = fc.record({ pid: fc.nat(600), latency: fc.nat(600), execname: name, errno });

  it('is as true in the kernel as in the model', () => {
    fc.assert(
      fc.property(predicate, event, (where, of) => {
        const term = kernelTerm(where, { fields, holds: () => true })!;
        const values: Record<string, Literal> = { ...of, errno: fields['errno']!.names!.ids!(of.errno)[0]! };
        const script = term.text((field) => JSON.stringify(values[field])).replaceAll('(int64)', '');
        expect(Boolean(evaluated(script))).toBe(
          compilePredicate(where)((field) => of[field as keyof typeof of]),
        );
      }),
      { numRuns: 300 },
    );
  });
});

const evaluation = createContext({
  strncmp: (a: string, b: string, bytes: number): number =>
    Buffer.compare(Buffer.from(a).subarray(0, bytes), Buffer.from(b).subarray(0, bytes)),
});

/** What bpftrace makes of an expression: bytes of a text are characters here. */
function evaluated(script: string): unknown {
  const text = script.replace(/"(\\x[0-9a-f]{2})+"/g, (literal) =>
    JSON.stringify(Buffer.from(literal.slice(1, -1).replaceAll('\\x', ''), 'hex').toString('utf8')),
  );
  return new Script(text).runInContext(evaluation) as unknown;
}
