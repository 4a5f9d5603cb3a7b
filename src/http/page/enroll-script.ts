/**
 * What the page for enrolments does, as the browser gets it. Nothing that was sent becomes markup or code: texts are set as text. The
 * invitation is taken out of the address at once, spent only when the person asks for it, and sent in a body.
 */
export const enrollScript = String.raw`'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const say = (text) => {
    byId('message').textContent = text;
  };
  const show = (step) => {
    for (const id of ['none', 'begin', 'scan', 'done']) byId(id).hidden = id !== step;
  };
  // An invitation, perhaps behind the path of a mount that is not called totp.
  const link = /^#(?:((?:\w[\w.~@-]*\/)+))?([\w-]{43})$/.exec(location.hash);
  history.replaceState(null, '', location.pathname);
  const mount = (link && link[1]) || 'totp/';
  let invitation = link ? link[2] : '';

  const post = async (what, sent) => {
    const answer = await fetch('../v1/auth/' + mount + 'enroll/' + what, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...sent, invitation }),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body.data;
    const [first] = Array.isArray(body.errors) ? body.errors : [];
    throw new Error(typeof first === 'string' && first !== '' ? first : 'the server answered ' + answer.status);
  };

  let busy = false;
  const act = (step) => async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say('');
    try {
      await step();
    } catch (error) {
      say(error instanceof Error ? error.message : 'that did not work');
    } finally {
      busy = false;
    }
  };

  const begin = async () => {
    const data = await post('start', {});
    for (const name of ['issuer', 'account', 'device']) byId(name).textContent = data[name];
    byId('digits').textContent = String(data.digits);
    byId('secret').textContent = new URL(data.url).searchParams.get('secret');
    if (String(data.url).startsWith('otpauth://totp/')) byId('open').setAttribute('href', data.url);
    if (/^[A-Za-z0-9+/=]+$/.test(data.barcode || '')) {
      byId('barcode').setAttribute('src', 'data:image/png;base64,' + data.barcode);
    }
    show('scan');
  };

  const finish = async () => {
    const typed = (id) => byId(id).value.replace(/\s/g, '');
    const data = await post('finish', { code: typed('code'), next_code: typed('next-code') });
    invitation = '';
    wipe();
    const codes = data.recovery_codes || [];
    byId('recovery').hidden = codes.length === 0;
    byId('codes').replaceChildren(
      ...codes.map((text) => {
        const item = document.createElement('li');
        item.textContent = text;
        return item;
      }),
    );
    show('done');
  };

  const wipe = () => {
    for (const id of ['secret', 'codes']) byId(id).textContent = '';
    for (const id of ['code', 'next-code']) byId(id).value = '';
    byId('barcode').removeAttribute('src');
    byId('open').removeAttribute('href');
  };

  byId('start').addEventListener('click', act(begin));
  byId('pair').addEventListener('submit', act(finish));
  // A page that is left must not be found again by going back.
  addEventListener('pagehide', () => {
    invitation = '';
    wipe();
    show('none');
  });
  show(invitation === '' ? 'none' : 'begin');
})();
`;
