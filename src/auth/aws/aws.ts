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
import { checkStillRunning } from './ec2-renewal.ts';
import { checkStillBound, iamDesk } from './iam-login.ts';
import { identityConfigEndpoint } from './identity-config.ts';
import { loginEndpoint } from './login.ts';
import { ProvenDocuments } from './proven-documents.ts';
import { Refusals } from './refusals.ts';
import { roleEndpoints } from './role-endpoints.ts';
import type { AwsRooms } from './rooms.ts';
import { stsAccountEndpoints } from './sts-accounts.ts';
import { tagEndpoint } from './tag-endpoint.ts';
import { isTidyStep, tidyEndpoints, tidyStep } from './tidy.ts';
import { forgetSignatures, isSignaturesStep } from './used-signatures.ts';

/**
 * Instances unknown to AWS that one address may come with. Many machines may stand behind it, and a machine that has just been started
 * may be ahead of what AWS tells of it.
 */
const unknownInstances = { requests: 100, per: 60_000, burst: 100 };

/** @param places where mounts may have the server go at AWS */
export function aws(places: AwsPlaces): AuthMethodType {
  return {
    type: 'aws',
    summary: 'instances and principals of AWS',
    create: (environment) => {
      const asked = new AskedQuestions(places, environment.clock);
      const desk = iamDesk(places, environment);
      const unknown = new Refusals(environment.clock, unknownInstances);
      const rooms: AwsRooms = {
        environment,
        questionsFor: (view) => asked.from(view),
        unknown,
        documents: new ProvenDocuments(),
      };
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
          if (isTidyStep(name)) await tidyStep(name, view, environment);
          if (isSignaturesStep(name)) await forgetSignatures(name, view, now);
        },
        holders: (view) => holdersBelow(view, roleFolder),
        close: () => asked.close(),
      };
    },
  };
}
