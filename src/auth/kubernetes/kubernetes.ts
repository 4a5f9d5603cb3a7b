/**
 * The method `kubernetes`: pods log in with the token of their service account, which the cluster's API server vouches for at
 * each login. No name is locked after failures: there is nothing to guess in a signature.
 */
import type { KeySet } from '../../crypto/jwt/keys.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import { type Outgoing, outgoing } from '../../outgoing/https.ts';
import { FreshCopy } from '../fresh-copy.ts';
import { renewByRole, roleFolder } from '../role-records.ts';
import { holdersBelow } from '../token-fields.ts';
import { configEndpoint, roleEndpoints } from './endpoints.ts';
import { loginEndpoint } from './login.ts';
import { PodFiles, podFolder } from './pod-files.ts';

export function kubernetesWith(way: Outgoing, folder: string): AuthMethodType {
  return {
    type: 'kubernetes',
    summary: 'service accounts of a Kubernetes cluster',
    create: (environment) => {
      const { clock } = environment;
      const rooms = {
        environment,
        outgoing: way,
        podFiles: new PodFiles(clock, folder),
        keys: new FreshCopy<KeySet>(clock),
      };
      return {
        endpoints: [loginEndpoint(rooms), configEndpoint(), ...roleEndpoints(environment)],
        renewPrincipal: renewByRole,
        holders: (view) => holdersBelow(view, roleFolder),
      };
    },
  };
}

export const kubernetes: AuthMethodType = kubernetesWith(outgoing, podFolder);
