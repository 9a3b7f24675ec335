/** One seed for all properties where CI is set, so that a gate's verdict is about the change and not about luck;
 *  at a desk every run tries new cases. A failure prints its seed either way. */
import fc from 'fast-check';

if (process.env['CI'] !== undefined) fc.configureGlobal({ seed: 20_261_123 });
