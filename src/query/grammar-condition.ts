/** The part of the grammar that conditions are made of. Owns: `where`, its joints and tests, literals. */
import { CstParser } from 'chevrotain';
import * as t from './token.ts';

export class ConditionGrammar extends CstParser {
  constructor(recovers: boolean) {
    super(t.vocabulary, { recoveryEnabled: recovers, maxLookahead: 2, nodeLocationTracking: 'onlyOffset' });
  }

  readonly where = this.RULE('where', () => {
    this.CONSUME(t.Where);
    this.SUBRULE(this.condition);
  });

  readonly condition = this.RULE('condition', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Or, DEF: () => this.SUBRULE(this.conjunction) });
  });

  readonly conjunction = this.RULE('conjunction', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.And, DEF: () => this.SUBRULE(this.negation) });
  });

  readonly negation = this.RULE('negation', () => {
    this.MANY(() => this.CONSUME(t.Not));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Open);
          this.SUBRULE(this.condition);
          this.CONSUME(t.Close);
        },
      },
      { ALT: () => this.SUBRULE(this.comparison) },
    ]);
  });

  readonly comparison = this.RULE('comparison', () => {
    this.SUBRULE(this.field);
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.compareSign);
          this.SUBRULE(this.literal);
        },
      },
      {
        ALT: () => {
          this.SUBRULE(this.matchSign);
          this.SUBRULE(this.text);
        },
      },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(t.Not));
          this.SUBRULE(this.wordTest);
        },
      },
    ]);
  });

  readonly compareSign = this.RULE('compareSign', () => {
    this.OR([t.Eq, t.Ne, t.Lt, t.Le, t.Gt, t.Ge].map((sign) => ({ ALT: () => this.CONSUME(sign) })));
  });

  readonly matchSign = this.RULE('matchSign', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Match) }, { ALT: () => this.CONSUME(t.NoMatch) }]);
  });

  readonly wordTest = this.RULE('wordTest', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.In);
          this.CONSUME(t.Open);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.literal) });
          this.CONSUME(t.Close);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Prefix);
          this.SUBRULE(this.text);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Contains);
          this.SUBRULE2(this.text);
        },
      },
    ]);
  });

  readonly literal = this.RULE('literal', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.text) },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(t.Minus));
          this.CONSUME(t.Quantity);
        },
      },
    ]);
  });

  readonly field = this.RULE('field', () => {
    this.CONSUME(t.Identifier);
  });

  readonly text = this.RULE('text', () => {
    this.CONSUME(t.Text);
  });
}
