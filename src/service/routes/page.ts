/** The console page at /: files of web/, and its compiled scripts, under a strict content security policy. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { packageRoot } from '../package.ts';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export async function pageRoutes(app: FastifyInstance): Promise<void> {
  const root = packageRoot(fileURLToPath(import.meta.url));
  const roots = [`${root}/web`, `${root}/dist/web`].filter((path) => existsSync(path));
  await app.register(fastifyStatic, {
    root: roots,
    index: ['index.html'],
    allowedPath: (path) => path === '/' || /^\/[\w.-]+\.(html|css|js|svg|png|ico)$/.test(path),
    setHeaders: (reply) => {
      reply.header('content-security-policy', POLICY);
      reply.header('x-content-type-options', 'nosniff');
      reply.header('referrer-policy', 'no-referrer');
      reply.header('cache-control', 'no-cache');
    },
  });
}
