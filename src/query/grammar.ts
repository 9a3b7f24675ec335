/** The grammar, once: parsing, completion, highlighting and the EBNF of docs/QUERY_LANGUAGE.md all come from
 *  it. Owns: what may follow what. Does not: make the AST (build.ts), know metrics (check.ts).
 *  Clauses and options come in any order, each once; the builder reports repeats. */
import type { CstNode, IRecognitionException, IToken } from 'chevrotain';
import { MeasureGrammar } from './grammar-measure.ts';
import * as t from './token.ts';

class Grammar extends MeasureGrammar {
  constructor(recovers: boolean) {
    super(recovers);
    this.performSelfAnalysis();
  }

  readonly statement = this.RULE('statement', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.read) },
      { ALT: () => this.SUBRULE(this.instrument) },
      { ALT: () => this.SUBRULE(this.drop) },
      { ALT: () => this.SUBRULE(this.pause) },
      { ALT: () => this.SUBRULE(this.resume) },
      { ALT: () => this.SUBRULE(this.pin) },
      { ALT: () => this.SUBRULE(this.unpin) },
      { ALT: () => this.SUBRULE(this.show) },
      { ALT: () => this.SUBRULE(this.explain) },
    ]);
  });

  readonly read = this.RULE('read', () => {
    this.SUBRULE(this.metric);
    this.MANY(() => this.SUBRULE(this.clause));
    this.MANY2(() => {
      this.CONSUME(t.Pipe);
      this.SUBRULE(this.stage);
    });
  });

  readonly instrument = this.RULE('instrument', () => {
    this.CONSUME(t.Instrument);
    this.SUBRULE(this.metric);
    this.MANY(() => this.SUBRULE(this.instrumentClause));
  });

  readonly drop = this.RULE('drop', () => {
    this.CONSUME(t.Drop);
    this.SUBRULE(this.instrumentation);
  });

  readonly pause = this.RULE('pause', () => {
    this.CONSUME(t.Pause);
    this.SUBRULE(this.instrumentation);
  });

  readonly resume = this.RULE('resume', () => {
    this.CONSUME(t.Resume);
    this.SUBRULE(this.instrumentation);
  });

  readonly pin = this.RULE('pin', () => {
    this.CONSUME(t.Pin);
    this.SUBRULE(this.instrumentation);
    this.OR([{ ALT: () => this.SUBRULE(this.last) }, { ALT: () => this.SUBRULE(this.between) }]);
    this.OPTION(() => {
      this.CONSUME(t.As);
      this.SUBRULE(this.pinName);
    });
  });

  readonly unpin = this.RULE('unpin', () => {
    this.CONSUME(t.Unpin);
    this.SUBRULE(this.pinName);
  });

  readonly show = this.RULE('show', () => {
    this.CONSUME(t.Show);
    this.OR([
      { ALT: () => this.CONSUME(t.Metrics) },
      { ALT: () => this.CONSUME(t.Instrumentations) },
      { ALT: () => this.CONSUME(t.Sources) },
      { ALT: () => this.CONSUME(t.Pins) },
    ]);
  });

  readonly explain = this.RULE('explain', () => {
    this.CONSUME(t.Explain);
    this.OR([{ ALT: () => this.SUBRULE(this.read) }, { ALT: () => this.SUBRULE(this.instrument) }]);
  });

  readonly clause = this.RULE('clause', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.where) },
      { ALT: () => this.SUBRULE(this.by) },
      { ALT: () => this.SUBRULE(this.last) },
      { ALT: () => this.SUBRULE(this.between) },
      { ALT: () => this.SUBRULE(this.step) },
      { ALT: () => this.SUBRULE(this.offset) },
      { ALT: () => this.SUBRULE(this.asOf) },
      { ALT: () => this.SUBRULE(this.name) },
    ]);
  });

  readonly instrumentClause = this.RULE('instrumentClause', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.where) },
      { ALT: () => this.SUBRULE(this.by) },
      { ALT: () => this.SUBRULE(this.every) },
      { ALT: () => this.SUBRULE(this.keep) },
      { ALT: () => this.SUBRULE(this.idle) },
      { ALT: () => this.SUBRULE(this.as) },
    ]);
  });

  readonly by = this.RULE('by', () => {
    this.CONSUME(t.By);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.field) });
  });

  readonly last = this.RULE('last', () => {
    this.CONSUME(t.Last);
    this.SUBRULE(this.duration);
  });

  readonly between = this.RULE('between', () => {
    this.CONSUME(t.From);
    this.SUBRULE(this.moment);
    this.OR([{ ALT: () => this.CONSUME(t.To) }, { ALT: () => this.CONSUME(t.Until) }]);
    this.SUBRULE2(this.moment);
  });

  readonly step = this.RULE('step', () => {
    this.CONSUME(t.Step);
    this.SUBRULE(this.duration);
  });

  readonly offset = this.RULE('offset', () => {
    this.CONSUME(t.Offset);
    this.SUBRULE(this.duration);
  });

  readonly asOf = this.RULE('asOf', () => {
    this.CONSUME(t.As);
    this.CONSUME(t.Of);
    this.SUBRULE(this.moment);
  });

  readonly name = this.RULE('name', () => {
    this.CONSUME(t.Name);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.naming) });
  });

  readonly naming = this.RULE('naming', () => {
    this.SUBRULE(this.field);
    this.CONSUME(t.By);
    this.SUBRULE(this.transformation);
  });

  readonly every = this.RULE('every', () => {
    this.CONSUME(t.Every);
    this.SUBRULE(this.duration);
  });

  readonly keep = this.RULE('keep', () => {
    this.CONSUME(t.Keep);
    this.SUBRULE(this.duration);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.keepLevel);
    });
  });

  readonly keepLevel = this.RULE('keepLevel', () => {
    this.SUBRULE(this.duration);
    this.CONSUME(t.At);
    this.SUBRULE2(this.duration);
  });

  readonly idle = this.RULE('idle', () => {
    this.CONSUME(t.Idle);
    this.OR([{ ALT: () => this.SUBRULE(this.duration) }, { ALT: () => this.CONSUME(t.Never) }]);
  });

  readonly as = this.RULE('as', () => {
    this.CONSUME(t.As);
    this.SUBRULE(this.instrumentation);
  });

  readonly moment = this.RULE('moment', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Instant) },
      { ALT: () => this.CONSUME(t.Clock) },
      { ALT: () => this.CONSUME(t.Quantity) },
      {
        ALT: () => {
          this.CONSUME(t.Now);
          this.OPTION(() => {
            this.CONSUME(t.Minus);
            this.SUBRULE(this.duration);
          });
        },
      },
    ]);
  });

  readonly stage = this.RULE('stage', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.heatmap) },
      { ALT: () => this.CONSUME(t.Histograms) },
      { ALT: () => this.SUBRULE(this.percentiles) },
      { ALT: () => this.SUBRULE(this.top) },
      { ALT: () => this.CONSUME(t.Count) },
      { ALT: () => this.CONSUME(t.Rate) },
      { ALT: () => this.CONSUME(t.Average) },
      { ALT: () => this.CONSUME(t.Maximum) },
      { ALT: () => this.SUBRULE(this.share) },
      { ALT: () => this.SUBRULE(this.apdex) },
      { ALT: () => this.SUBRULE(this.cell) },
      { ALT: () => this.SUBRULE(this.compare) },
      { ALT: () => this.SUBRULE(this.diff) },
    ]);
  });

  readonly cell = this.RULE('cell', () => {
    this.CONSUME(t.Cell);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.At);
          this.SUBRULE(this.moment);
          this.OPTION(() => {
            this.CONSUME(t.Comma);
            this.SUBRULE(this.cellValue);
          });
          this.MANY(() => this.SUBRULE(this.cellOption));
        },
      },
      { ALT: () => this.SUBRULE(this.box) },
    ]);
  });

  readonly cellValue = this.RULE('cellValue', () => {
    this.CONSUME(t.Quantity);
    this.OPTION(() => {
      this.CONSUME(t.Dots);
      this.CONSUME2(t.Quantity);
    });
  });

  readonly cellOption = this.RULE('cellOption', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.step) },
      { ALT: () => this.SUBRULE(this.y) },
      { ALT: () => this.SUBRULE(this.buckets) },
    ]);
  });

  readonly compare = this.RULE('compare', () => {
    this.CONSUME(t.Compare);
    this.SUBRULE(this.box);
  });

  readonly box = this.RULE('box', () => {
    this.SUBRULE(this.between);
    this.OPTION(() => {
      this.CONSUME(t.Y);
      this.SUBRULE(this.values);
    });
  });

  readonly diff = this.RULE('diff', () => {
    this.CONSUME(t.Diff);
    this.OR({
      MAX_LOOKAHEAD: 1,
      DEF: [
        { ALT: () => this.SUBRULE(this.offset), IGNORE_AMBIGUITIES: true },
        { ALT: () => this.SUBRULE(this.diffKeys) },
      ],
    });
    this.MANY(() => this.SUBRULE(this.diffOption));
  });

  readonly diffKeys = this.RULE('diffKeys', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.field) });
    this.SUBRULE(this.key);
    this.CONSUME(t.Comma);
    this.SUBRULE2(this.key);
  });

  readonly diffOption = this.RULE('diffOption', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.size) },
      { ALT: () => this.SUBRULE(this.y) },
      { ALT: () => this.SUBRULE(this.buckets) },
      { ALT: () => this.SUBRULE(this.theme) },
      { ALT: () => this.SUBRULE(this.title) },
    ]);
  });

  readonly percentiles = this.RULE('percentiles', () => {
    this.CONSUME(t.Percentiles);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.percent) });
  });

  readonly top = this.RULE('top', () => {
    this.CONSUME(t.Top);
    this.SUBRULE(this.integer);
    this.CONSUME(t.By);
    this.SUBRULE(this.measure);
  });

  readonly heatmap = this.RULE('heatmap', () => {
    this.CONSUME(t.Heatmap);
    this.MANY(() => this.SUBRULE(this.heatmapOption));
  });

  readonly heatmapOption = this.RULE('heatmapOption', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.size) },
      { ALT: () => this.SUBRULE(this.y) },
      { ALT: () => this.SUBRULE(this.hue) },
      { ALT: () => this.SUBRULE(this.hueTop) },
      { ALT: () => this.SUBRULE(this.keys) },
      { ALT: () => this.SUBRULE(this.weight) },
      { ALT: () => this.SUBRULE(this.color) },
      { ALT: () => this.SUBRULE(this.palette) },
      { ALT: () => this.SUBRULE(this.theme) },
      { ALT: () => this.SUBRULE(this.overlay) },
      { ALT: () => this.SUBRULE(this.buckets) },
      { ALT: () => this.SUBRULE(this.title) },
    ]);
  });

  readonly size = this.RULE('size', () => {
    this.CONSUME(t.Size);
    this.CONSUME(t.Area);
  });

  readonly y = this.RULE('y', () => {
    this.CONSUME(t.Y);
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.scale);
          this.OPTION(() => this.SUBRULE(this.values));
        },
      },
      { ALT: () => this.SUBRULE2(this.values) },
    ]);
  });

  readonly scale = this.RULE('scale', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Log) }, { ALT: () => this.CONSUME(t.Linear) }]);
  });

  readonly values = this.RULE('values', () => {
    this.CONSUME(t.Quantity);
    this.CONSUME(t.Dots);
    this.CONSUME2(t.Quantity);
  });

  readonly hue = this.RULE('hue', () => {
    this.CONSUME(t.Hue);
    this.OR([
      { ALT: () => this.CONSUME(t.None), IGNORE_AMBIGUITIES: true },
      { ALT: () => this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.field) }) },
    ]);
  });

  readonly hueTop = this.RULE('hueTop', () => {
    this.CONSUME(t.Top);
    this.SUBRULE(this.integer);
    this.OPTION(() => {
      this.CONSUME(t.By);
      this.SUBRULE(this.measure);
    });
  });

  readonly keys = this.RULE('keys', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Select) },
      { ALT: () => this.CONSUME(t.Isolate) },
      { ALT: () => this.CONSUME(t.Exclude) },
    ]);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.key) });
  });

  readonly key = this.RULE('key', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.literal) },
      {
        ALT: () => {
          this.CONSUME(t.Open);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE2(this.literal) });
          this.CONSUME(t.Close);
        },
      },
    ]);
  });

  readonly weight = this.RULE('weight', () => {
    this.CONSUME(t.Weight);
    this.OR([{ ALT: () => this.CONSUME(t.Count) }, { ALT: () => this.CONSUME(t.Value) }]);
  });

  readonly color = this.RULE('color', () => {
    this.CONSUME(t.Color);
    this.OR([t.Rank, t.Linear, t.Sqrt, t.Log].map((scale) => ({ ALT: () => this.CONSUME(scale) })));
  });

  readonly palette = this.RULE('palette', () => {
    this.CONSUME(t.Palette);
    this.CONSUME(t.Identifier);
  });

  readonly theme = this.RULE('theme', () => {
    this.CONSUME(t.Theme);
    this.OR([{ ALT: () => this.CONSUME(t.Dark) }, { ALT: () => this.CONSUME(t.Light) }]);
  });

  readonly overlay = this.RULE('overlay', () => {
    this.CONSUME(t.Overlay);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.percent) });
  });

  readonly buckets = this.RULE('buckets', () => {
    this.CONSUME(t.Buckets);
    this.SUBRULE(this.integer);
  });

  readonly title = this.RULE('title', () => {
    this.CONSUME(t.Title);
    this.SUBRULE(this.text);
  });

  readonly metric = this.RULE('metric', () => {
    this.CONSUME(t.MetricName);
  });

  readonly instrumentation = this.RULE('instrumentation', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.DashedName) },
      { ALT: () => this.SUBRULE(this.text) },
    ]);
  });

  readonly pinName = this.RULE('pinName', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.DashedName) },
      { ALT: () => this.SUBRULE(this.text) },
    ]);
  });

  readonly transformation = this.RULE('transformation', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.DashedName) },
      { ALT: () => this.SUBRULE(this.text) },
    ]);
  });

  readonly duration = this.RULE('duration', () => {
    this.CONSUME(t.Quantity);
  });

  readonly integer = this.RULE('integer', () => {
    this.CONSUME(t.Quantity);
  });
}

/** Goes on behind a fault, and finds the next. */
export const grammar = new Grammar(true);

/** Recovery tries many ways at each fault: of more tokens than people write, the first fault is enough. */
const RECOVERED_TOKENS_MAX = 250;
let strict: Grammar | undefined;

/** The concrete tree of tokens, and what is wrong with it. */
export function parsedTokens(tokens: IToken[]): { tree: CstNode; errors: readonly IRecognitionException[] } {
  const parser = tokens.length > RECOVERED_TOKENS_MAX ? (strict ??= new Grammar(false)) : grammar;
  parser.input = tokens;
  const tree = parser.statement();
  return { tree, errors: parser.errors };
}
