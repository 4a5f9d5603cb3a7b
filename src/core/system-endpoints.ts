/** Every endpoint below `sys/` that an unsealed node answers, each room's in a line of its own. */
import { sealLimit } from '../barrier/seal-budget.ts';
import { approvalEndpoints } from './approval/endpoints.ts';
import { auditDeviceEndpoints } from './audit-device/endpoints.ts';
import { backupEndpoints } from './backup/endpoints.ts';
import type { Core } from './core.ts';
import type { CoreOptions } from './core-options.ts';
import type { Endpoint } from './endpoint.ts';
import { jobEndpoints } from './job/endpoints.ts';
import { keyEndpoints } from './key/endpoints.ts';
import { GenerateRoot } from './key/generate-root.ts';
import { generateRootEndpoints } from './key/generate-root-endpoints.ts';
import { generateRootTokenEndpoints } from './key/generate-root-token-endpoints.ts';
import { Rekey } from './key/rekey.ts';
import { rekeyEndpoints } from './key/rekey-endpoints.ts';
import { slotEndpoints } from './key/slot-endpoints.ts';
import { leaseEndpoints } from './lease/endpoints.ts';
import { lockoutEndpoints } from './lockout/endpoints.ts';
import { noTelemetry } from './meter.ts';
import { validateEndpoint } from './mfa/validate-endpoint.ts';
import { mountEndpoints } from './mount/endpoints.ts';
import { notifierEndpoints } from './notice/endpoints.ts';
import { openApiEndpoints } from './openapi/endpoint.ts';
import { passwordPolicyEndpoints } from './password-policy/endpoints.ts';
import { policyEndpoints } from './policy/endpoints.ts';
import { quotaEndpoints } from './quota/endpoints.ts';
import { Sampler } from './sample.ts';
import { sealEndpoints } from './seal-endpoints.ts';
import { secretEndpoints } from './secrets/endpoints.ts';
import { Cursors } from './secrets/find.ts';
import { serverEndpoints } from './server-endpoints.ts';
import { telemetryEndpoints } from './telemetry-endpoints.ts';
import { capabilityEndpoints } from './token/capabilities.ts';
import { wrappingEndpoints } from './wrapping/endpoints.ts';

/** The endpoints, and what of them holds keys that people handed in: to be cancelled when the node is sealed. */
export function systemEndpoints(
  core: Core,
  options: CoreOptions,
): { readonly endpoints: readonly Endpoint[]; readonly ceremonies: readonly { cancel(): void }[] } {
  const { seal, slots, unauthenticatedKeyOperations: openToAll, clock, random } = options;
  const rekey = new Rekey(options);
  const root = new GenerateRoot({ ...options, tokens: core.tokens, notices: core.notices });
  const endpoints = [
    ...sealEndpoints(seal, clock),
    ...slotEndpoints(slots),
    ...rekeyEndpoints(rekey, openToAll),
    ...generateRootEndpoints(root, openToAll),
    ...generateRootTokenEndpoints(root),
    ...mountEndpoints(core),
    ...policyEndpoints(core),
    ...passwordPolicyEndpoints(() => core.passwordPolicies, random),
    ...capabilityEndpoints(core),
    ...leaseEndpoints(core),
    ...backupEndpoints(core, () => core.backups),
    ...lockoutEndpoints(core),
    ...jobEndpoints(core),
    ...keyEndpoints(core),
    ...secretEndpoints(core, new Cursors(core.barrier.purposeKey('find-cursor'), random)),
    ...wrappingEndpoints(core),
    ...approvalEndpoints(core),
    validateEndpoint(core),
    ...quotaEndpoints(core),
    ...openApiEndpoints(core),
    ...auditDeviceEndpoints(() => core.devices),
    ...notifierEndpoints(core),
    ...serverEndpoints(core, options),
    ...sampledEndpoints(core, options),
  ];
  return { endpoints, ceremonies: [rekey, root] };
}

function sampledEndpoints(core: Core, options: CoreOptions): readonly Endpoint[] {
  const { telemetry = noTelemetry, barrier, audit, clock, log } = options;
  const term = async () => ({ ...(await barrier.newestTerm()), limit: sealLimit });
  const sampler = new Sampler({ rooms: core, clock, audit: () => audit.health(), term });
  return telemetryEndpoints(telemetry, () =>
    sampler.sample().catch((error: unknown) => {
      log('the state of the store could not be sampled', { error });
      return undefined;
    }),
  );
}
