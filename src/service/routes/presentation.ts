/** How an answer should look, as HTTP says it: the Accept header or `format=`, and a few parameters. */
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { CONTENT_TYPES, type Format, type Presentation } from '../answer.ts';
import { ProblemException } from '../problem.ts';

export const PresentationQuery = Type.Object({
  format: Type.Optional(
    Type.Union(
      [
        Type.Literal('json'),
        Type.Literal('csv'),
        Type.Literal('jsonl'),
        Type.Literal('png'),
        Type.Literal('text'),
        Type.Literal('arrow'),
        Type.Literal('parquet'),
      ],
      { description: 'Overrides the Accept header' },
    ),
  ),
  width: Type.Optional(Type.Integer({ minimum: 16, maximum: 4000, description: 'Plot width, CSS pixels' })),
  height: Type.Optional(Type.Integer({ minimum: 16, maximum: 2000, description: 'Plot height, CSS pixels' })),
  scale: Type.Optional(
    Type.Union([Type.Literal(1), Type.Literal(2)], { description: 'Pixels per CSS pixel' }),
  ),
  theme: Type.Optional(Type.Union([Type.Literal('dark'), Type.Literal('light')])),
  plain: Type.Optional(Type.Boolean({ description: 'PNG: the plot body alone' })),
  newest: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 4096,
      description: 'PNG (then plain) and JSON of a heatmap: so many of the newest columns alone',
    }),
  ),
  cells: Type.Optional(
    Type.Union([Type.Literal(0), Type.Literal(1)], {
      description: 'JSON of a heatmap: 0 leaves the cells out',
    }),
  ),
  columns: Type.Optional(
    Type.Integer({ minimum: 20, maximum: 1000, description: 'Text: characters a line' }),
  ),
  rows: Type.Optional(Type.Integer({ minimum: 4, maximum: 400, description: 'Text: lines' })),
  depth: Type.Optional(
    Type.Union([Type.Literal('truecolor'), Type.Literal('256'), Type.Literal('ascii')], {
      description: 'Text: colours',
    }),
  ),
});

const FORMATS = Object.entries(CONTENT_TYPES).map(([format, type]) => ({
  format: format as Format,
  type: type.split(';')[0]!,
}));

/** `format=` where given, else the best of the Accept header; JSON where anything will do. */
export function negotiatedFormat(request: FastifyRequest, format: Format | undefined): Format {
  if (format !== undefined) return format;
  const type = request.accepts().type(FORMATS.map((f) => f.type));
  const found = FORMATS.find((f) => f.type === type);
  if (found !== undefined) return found.format;
  throw new ProblemException({
    status: 406,
    code: 'FORMAT_UNKNOWN',
    title: 'No such format',
    detail: `Cannot answer as ${JSON.stringify(request.headers.accept)}: expected one of ${FORMATS.map((f) => f.type).join(', ')}`,
  });
}

export function presentationOf(query: Type.Static<typeof PresentationQuery>, format: Format): Presentation {
  const { width, height, scale, theme, plain, newest, cells, columns, rows, depth } = query;
  return {
    format,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(scale === undefined ? {} : { scale }),
    ...(theme === undefined ? {} : { theme }),
    ...(plain === undefined ? {} : { plain }),
    ...(newest === undefined ? {} : { newest }),
    ...(cells === undefined ? {} : { cells: cells === 1 }),
    ...(columns === undefined ? {} : { textColumns: columns }),
    ...(rows === undefined ? {} : { textRows: rows }),
    ...(depth === undefined ? {} : { textDepth: depth }),
  };
}
