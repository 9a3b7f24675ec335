/** The part of the grammar that says what is measured of counts. Owns: what keys are ranked by, bounds on values. */
import { ConditionGrammar } from './grammar-condition.ts';
import * as t from './token.ts';

export class MeasureGrammar extends ConditionGrammar {
  readonly measure = this.RULE('measure', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Count) },
      { ALT: () => this.CONSUME(t.Rate) },
      { ALT: () => this.CONSUME(t.Average) },
      { ALT: () => this.CONSUME(t.Maximum) },
      { ALT: () => this.CONSUME(t.Percentile) },
      { ALT: () => this.SUBRULE(this.share) },
      { ALT: () => this.SUBRULE(this.tail) },
      { ALT: () => this.SUBRULE(this.apdex) },
    ]);
  });

  readonly share = this.RULE('share', () => {
    this.CONSUME(t.Share);
    this.SUBRULE(this.bound);
  });

  readonly tail = this.RULE('tail', () => {
    this.CONSUME(t.Tail);
    this.SUBRULE(this.bound);
  });

  readonly apdex = this.RULE('apdex', () => {
    this.CONSUME(t.Apdex);
    this.SUBRULE(this.amount);
  });

  readonly bound = this.RULE('bound', () => {
    this.SUBRULE(this.field);
    this.SUBRULE(this.orderSign);
    this.SUBRULE(this.amount);
  });

  readonly orderSign = this.RULE('orderSign', () => {
    this.OR([t.Lt, t.Le, t.Gt, t.Ge].map((sign) => ({ ALT: () => this.CONSUME(sign) })));
  });

  readonly amount = this.RULE('amount', () => {
    this.CONSUME(t.Quantity);
  });

  readonly percent = this.RULE('percent', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Quantity) }, { ALT: () => this.CONSUME(t.Percentile) }]);
  });
}
