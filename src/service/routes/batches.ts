/** What comes from outside by HTTP: batches of reports into the log, the metrics they are of, the end of a source.
 *  Owns: the door of the log. What passes it will be folded; what would not is refused whole, with the place. Never
 *  takes control events. Repeats are no matter: the fold knows them by source, incarnation and sequence. */
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { encodeControlEntry } from '../../model/report.ts';
import { metricSchema } from '../../model/control.ts';
import { unixSecond } from '../../model/clock.ts';
import { ENTRY_BYTES_MAX } from '../../model/limits.ts';
import { LogUnavailableError } from '../../model/log.ts';
import { FIELD_NAME, METRIC_NAME, type MetricDescription } from '../../model/metric.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemException } from '../problem.ts';
import { checkedEntry } from '../report-door.ts';

const REPORT_TYPE = 'application/vnd.tailglow.report';
/** Entries that wait for the log at a time; each may be ENTRY_BYTES_MAX. */
const WAITING_MAX = 16;

const Bytes = Type.Unsafe<Buffer>({
  format: 'binary',
  description: 'One log entry of batches: docs/REPORT_FORMAT.md',
});
const Taken = Type.Object({ batches: Type.Integer(), reports: Type.Integer() });
const Ending = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 256 }),
    driver: Type.String({ minLength: 1, maxLength: 256 }),
    second: Type.Integer({ minimum: 0, description: 'Unix second from which on it is expected no more' }),
  },
  { additionalProperties: false },
);

export async function batchRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  const tags = ['batches'];
  let waiting = 0;
  const append = async (payload: Uint8Array): Promise<void> => {
    if (waiting >= WAITING_MAX) throw busy();
    waiting++;
    try {
      await context.log.append(payload);
    } catch (error) {
      throw error instanceof LogUnavailableError ? logAway(error) : error;
    } finally {
      waiting--;
    }
  };
  app.addContentTypeParser(
    REPORT_TYPE,
    { parseAs: 'buffer', bodyLimit: ENTRY_BYTES_MAX },
    (_request, body, done) => done(null, body),
  );
  app.post<{ Body: Buffer }>(
    '/api/v1/batches',
    {
      schema: {
        tags,
        summary: 'Append batches of reports to the log; answers when they are durable',
        body: { content: { [REPORT_TYPE]: { schema: Bytes } } },
        response: { 200: Taken },
      },
    },
    async ({ body }) => {
      const batches = await checkedEntry(body, context);
      await append(body);
      return { batches: batches.length, reports: batches.reduce((n, batch) => n + batch.reports.length, 0) };
    },
  );
  app.post<{ Body: MetricDescription }>(
    '/api/v1/metrics',
    { schema: { tags, summary: 'Make a metric known that no instrumenter measures', body: metricSchema } },
    async ({ body }, reply) => {
      refuseOddNames(body);
      const created = await context.configuration.describe(body);
      return reply.code(created ? 201 : 200).send(body);
    },
  );
  app.post<{ Body: Type.Static<typeof Ending> }>(
    '/api/v1/sources/end',
    { schema: { tags, summary: 'A source has ended: it is expected no more', body: Ending } },
    async ({ body }, reply) => {
      const second = Math.min(body.second, unixSecond(context.clock.nowMs()) + 1);
      await append(encodeControlEntry({ kind: 'source-offline', ...body, second }));
      return reply.code(204).send();
    },
  );
}

function refuseOddNames({ name, fields }: MetricDescription): void {
  const odd = fields.find((field) => !FIELD_NAME.test(field.name));
  const twice = fields.find((field, i) => fields.findIndex((f) => f.name === field.name) !== i);
  const fault = !METRIC_NAME.test(name)
    ? `its name is no module.stat of small letters, digits and "_"`
    : odd !== undefined
      ? `field ${JSON.stringify(odd.name)} is no name of small letters, digits and "_"`
      : twice && `field "${twice.name}" is there twice`;
  if (fault === undefined) return;
  throw new ProblemException({
    status: 422,
    code: 'METRIC_INVALID',
    title: 'The metric does not fit',
    detail: `Cannot describe metric ${JSON.stringify(name)}: ${fault}`,
  });
}

function logAway(cause: LogUnavailableError): ProblemException {
  return new ProblemException(
    {
      status: 503,
      code: 'LOG_UNAVAILABLE',
      title: 'The log is away',
      detail: `Cannot take what was sent: the log does not take entries now; send it again`,
      retryAfterSeconds: 1,
    },
    { cause },
  );
}

function busy(): ProblemException {
  return new ProblemException({
    status: 429,
    code: 'TOO_MANY_WAITING',
    title: 'Too many wait for the log',
    detail: `Cannot take what was sent: ${WAITING_MAX} entries wait for the log; send it again`,
    retryAfterSeconds: 1,
  });
}
