/** Sends a problem as application/problem+json. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Problem, problemJson } from './problem.ts';

export function sendProblem(reply: FastifyReply, request: FastifyRequest, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined)
    void reply.header('retry-after', String(problem.retryAfterSeconds));
  return reply
    .code(problem.status)
    .type('application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problemJson(problem, request.id)));
}
