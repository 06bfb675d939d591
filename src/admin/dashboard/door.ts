import type { CookieOptions, Request, RequestHandler, Response } from 'express';
import type { AdminKey } from '../../access/keys.ts';
import { type Sessions, sessionSeconds } from '../../access/sessions.ts';
import { demandScope } from '../../web/keys.ts';
import { Problem } from '../../web/problems.ts';

/** The door of the dashboard: who may come in, and that they come from its own pages. */
export interface Door {
  /** Refuses what no page of ours has sent. @throws Problem 403 */
  refuseStrangers: RequestHandler;
  /** Lets pass who is signed in with a key that may read; the others are led to where they can sign in. */
  demandSession: RequestHandler;
  signIn(req: Request, res: Response, key: string): Promise<boolean>;
  signOut(req: Request, res: Response): Promise<void>;
  /** Whether somebody is signed in. */
  isOpenTo(req: Request): Promise<boolean>;
}

const holders = new WeakMap<Request, AdminKey>();

/** Who is signed in. @throws where `demandSession` did not let them pass */
export function signedIn(req: Request): AdminKey {
  const holder = holders.get(req);
  if (holder === undefined) throw new Error('this route asks for no session');
  return holder;
}

export function openDoor({ sessions, baseUrl }: { sessions: Sessions; baseUrl: string }): Door {
  const secure = baseUrl.startsWith('https:');
  // Browsers take the prefix for a promise that no other host of the domain has set it; over http they refuse it.
  const name = secure ? '__Host-footnote-admin' : 'footnote-admin';
  const options: CookieOptions = { httpOnly: true, secure, sameSite: 'strict', path: '/' };
  const own = new URL(baseUrl).origin;

  const secretOf = (req: Request) => cookieOf(req, name);
  const holderOf = async (req: Request) => {
    const secret = secretOf(req);
    return secret === null ? null : sessions.find(secret);
  };

  return {
    refuseStrangers(req, _res, next) {
      const [site, origin] = [req.get('sec-fetch-site'), req.get('origin')];
      const isOwn = origin === own || (origin !== undefined && URL.parse(origin)?.host === req.get('host'));
      const isFromHere =
        (site === undefined || site === 'same-origin') &&
        (origin === undefined || isOwn) &&
        (site ?? origin) !== undefined;
      if (!isFromHere)
        throw new Problem(403, 'Forbidden', 'Only a page of the dashboard itself can ask for this.');
      next();
    },

    async demandSession(req, res, next) {
      const holder = await holderOf(req);
      if (holder === null) {
        res.redirect(303, '/admin/sign-in');
        return;
      }
      demandScope(holder, 'read');
      holders.set(req, holder);
      next();
    },

    async signIn(req, res, key) {
      const secret = await sessions.signIn(key, secretOf(req));
      if (secret === null) return false;
      res.cookie(name, secret, { ...options, maxAge: sessionSeconds * 1000 });
      return true;
    },

    async signOut(req, res) {
      const secret = secretOf(req);
      if (secret !== null) await sessions.signOut(secret);
      res.clearCookie(name, options);
    },

    isOpenTo: async (req) => (await holderOf(req)) !== null,
  };
}

/** A cookie of ours: base64url, which needs no unescaping. Of several of one name, which nobody honest sends, none. */
function cookieOf(req: Request, name: string): string | null {
  const values = (req.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && /^[\w-]{43}$/.test(value) ? value : null;
}
