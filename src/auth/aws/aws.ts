/**
 * The method `aws`: instances log in with their identity document, principals of IAM with a request that they signed. No name is
 * locked after failures: there is nothing to guess in a signature.
 */
import type { AwsPlaces } from '../../aws/aws-places.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import { renewByRole, roleFolder } from '../role-records.ts';
import { holdersBelow } from '../token-fields.ts';
import { accessEndpoints } from './access-endpoints.ts';
import { AskedQuestions } from './asked-questions.ts';
import { certificateEndpoints } from './certificates.ts';
import { clientConfigEndpoint } from './client-config.ts';
import { deniedTagEndpoints } from './denied-tags.ts';
import { checkStillBound, iamDesk } from './iam-login.ts';
import { identityConfigEndpoint } from './identity-config.ts';
import { checkStillRunning, loginEndpoint } from './login.ts';
import { roleEndpoints } from './role-endpoints.ts';
import type { AwsRooms } from './rooms.ts';
import { stsAccountEndpoints } from './sts-accounts.ts';
import { tagEndpoint } from './tag-endpoint.ts';
import { isTidyStep, tidyEndpoints, tidyStep } from './tidy.ts';
import { forgetSignatures, isSignaturesStep } from './used-signatures.ts';

/** @param places where mounts may have the server go at AWS */
export function aws(places: AwsPlaces): AuthMethodType {
  return {
    type: 'aws',
    summary: 'instances and principals of AWS',
    create: (environment) => {
      const asked = new AskedQuestions(places, environment.clock);
      const desk = iamDesk(places, environment);
      const rooms: AwsRooms = { environment, questionsFor: (view) => asked.from(view) };
      return {
        endpoints: [
          loginEndpoint(rooms, desk),
          ...roleEndpoints(rooms),
          tagEndpoint(rooms),
          clientConfigEndpoint(places),
          ...stsAccountEndpoints(),
          ...certificateEndpoints(),
          identityConfigEndpoint(),
          ...accessEndpoints(),
          ...deniedTagEndpoints(environment),
          ...tidyEndpoints(),
        ],
        renewPrincipal: async (internal, view) => {
          await checkStillRunning(rooms, view, internal);
          if (internal['auth_type'] === 'iam') await checkStillBound(rooms, desk, view, internal);
          return renewByRole(internal, view);
        },
        onDue: async (name, view) => {
          const now = environment.clock.now();
          if (isTidyStep(name)) await tidyStep(name, view, now);
          if (isSignaturesStep(name)) await forgetSignatures(name, view, now);
        },
        holders: (view) => holdersBelow(view, roleFolder),
        close: () => asked.close(),
      };
    },
  };
}
