/** `lease …`. */
import { misuse } from './failure.ts';
import { printSecret, secretOf } from './secret.ts';
import { argument, sanitized, type Verb, type Verbs } from './verb.ts';

const renew: Verb = {
  usage: 'ID [INCREMENT]',
  summary: 'Renew a lease',
  flags: { increment: { type: 'duration', help: 'for how long' } },
  args: [1, 2],
  async run(call) {
    const increment = call.flags.text('increment') ?? call.args[1];
    const body = { lease_id: argument(call), ...(increment === undefined ? {} : { increment }) };
    const secret = secretOf((await call.session.ask('renewing', 'PUT', 'sys/leases/renew', { body })).body);
    if (secret !== undefined) await printSecret(call.output, secret);
    return 0;
  },
};

const revoke: Verb = {
  usage: 'ID',
  summary: 'Revoke a lease, or all below a prefix',
  flags: {
    prefix: { type: 'bool', help: 'all leases below ID' },
    force: { type: 'bool', help: 'forget them even where they cannot be ended; with -prefix' },
    f: { type: 'bool', help: 'the same' },
    sync: { type: 'bool', help: 'wait until it is done' },
  },
  args: [1, 1],
  async run(call) {
    const { flags, session, output } = call;
    const id = argument(call);
    const force = flags.bool('force') || flags.bool('f');
    const prefix = flags.bool('prefix');
    if (force && !prefix) throw misuse('Specifying -force requires also specifying -prefix');
    const sync = flags.has('sync') ? { sync: flags.bool('sync') } : {};
    if (!prefix) {
      await session.ask(`revoking lease`, 'PUT', 'sys/leases/revoke', { body: { lease_id: id, ...sync } });
    } else {
      const path = `sys/leases/${force ? 'revoke-force' : 'revoke-prefix'}/${sanitized(id)}`;
      await session.ask('revoking leases', 'PUT', path, { body: sync });
    }
    output.success(
      flags.bool('sync')
        ? `Success! Revoked ${prefix ? `any leases with prefix: ${id}` : `lease: ${id}`}`
        : 'All revocation operations queued successfully!',
    );
    return 0;
  },
};

const lookup: Verb = {
  usage: 'ID',
  summary: 'Show what is known of a lease',
  args: [1, 1],
  async run(call) {
    const body = { lease_id: argument(call) };
    const secret = secretOf(
      (await call.session.ask('looking up lease', 'PUT', 'sys/leases/lookup', { body })).body,
    );
    if (secret !== undefined) await printSecret(call.output, secret);
    return 0;
  },
};

export const verbs: Verbs = { 'lease renew': renew, 'lease revoke': revoke, 'lease lookup': lookup };
