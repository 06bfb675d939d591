import { MIMEType } from 'node:util';
import express, { type Request, type RequestHandler, Router } from 'express';
import { Problem, tooLarge } from './problems.ts';

// small, flat, uncompressed bodies only.
const mostBytes = 8_192;

const parsers = {
  'application/json': (limit: number) => express.json({ limit, inflate: false, type: 'application/json' }),
  'application/x-www-form-urlencoded': (limit: number) =>
    express.urlencoded({ limit, inflate: false, extended: false, parameterLimit: 100 }),
};
type BodyType = keyof typeof parsers;

/**
 * Reads a body of one of these types into `req.body`; any other type, none included, is a 415. Nobody is
 * asked to guess an encoding: text is UTF-8.
 */
export const readBody = (...types: BodyType[]): RequestHandler[] => reading(types, mostBytes);

/** Reads a form of up to so many bytes into `req.body`; any other type is a 415. */
export const readLongForm = (limit: number): RequestHandler[] =>
  reading(['application/x-www-form-urlencoded'], limit);

/**
 * Reads a JSON body of up to so many bytes into `req.body`, which stays undefined when none is sent. Another type is
 * a 415, so that what an operator asks for is not taken for nothing asked.
 */
export const readJson = (limit = mostBytes): Router =>
  Router().use(skipNothing, reading(['application/json'], limit));

function reading(types: BodyType[], limit: number): RequestHandler[] {
  const refuseOthers: RequestHandler = (req, _res, next) => {
    const sent = contentType(req);
    if (sent === null || !types.some((type) => type === sent.essence)) {
      throw new Problem(415, 'Unsupported Media Type', `Send ${types.join(' or ')}.`);
    }
    if ((sent.params.get('charset') ?? 'utf-8').toLowerCase() !== 'utf-8') {
      throw new Problem(415, 'Unsupported Media Type', 'Send the body in UTF-8.');
    }
    // Said before it is sent, as the parser would hear it out first.
    if (Number(req.get('content-length')) > limit) throw tooLarge;
    next();
  };
  return [refuseOthers, ...types.map((type) => parsers[type](limit))];
}

const skipNothing: RequestHandler = (req, _res, next) => {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  if (Number(length) === 0 && coding === undefined) next('router');
  else next();
};

/** Whether a plain HTML form sent this, so that a person waits for a page. */
export function isForm(req: Request): boolean {
  return contentType(req)?.essence === 'application/x-www-form-urlencoded';
}

function contentType(req: Request): MIMEType | null {
  try {
    return new MIMEType(req.get('content-type') ?? '');
  } catch {
    return null;
  }
}
