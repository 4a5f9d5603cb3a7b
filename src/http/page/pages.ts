/**
 * The few static pages that a listener of the server's own wire has besides it, below `/ui/`. They hold nothing of the store and ask for it by
 * the wire as every client does.
 */
import type { DialectAnswer } from '../dialect/dialect.ts';
import { enrollPage, enrollStyle } from './enroll-page.ts';
import { enrollScript } from './enroll-script.ts';

/**
 * Nothing inline, nothing of other origins, in no frame; no text can become markup or code (CSP level 3, Trusted Types). Pictures come
 * as data, and forms are sent by the script alone.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const guards: readonly string[] = [
  ...['Content-Security-Policy', policy],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['X-Frame-Options', 'DENY'],
  ...['Referrer-Policy', 'no-referrer'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
];

function answer(type: string, body: string): DialectAnswer {
  return {
    kind: 'answer',
    status: 200,
    headers: ['Content-Type', `${type}; charset=utf-8`, ...guards],
    body,
  };
}

const pages: ReadonlyMap<string, DialectAnswer> = new Map([
  ['/ui/enroll', answer('text/html', enrollPage)],
  ['/ui/enroll.js', answer('text/javascript', enrollScript)],
  ['/ui/enroll.css', answer('text/css', enrollStyle)],
]);

/** @param target as sent; undefined where there is no page */
export function pageAt(method: string, target: string): DialectAnswer | undefined {
  return method === 'GET' || method === 'HEAD' ? pages.get(target) : undefined;
}
