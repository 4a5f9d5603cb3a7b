/** What the Service User API takes and answers. */
import type { JsonObject } from '../../json.ts';
import type { Scope, ServiceUser } from '../provider.ts';

export function scopeText({ resourceType, id }: Scope): string {
  return resourceType === '' ? id : `${resourceType}.${id}`;
}

/**
 * The whole user, as `PUT /services/{id}` has it. Realms are the two that mint's worker names; one that is not named would lose its
 * client there.
 */
export function serviceBody(user: ServiceUser): JsonObject {
  const { username, name, subtitle, team, confidential, redirectUrl, scopes } = user;
  const texts = scopes.map(scopeText);
  return {
    id: username,
    name,
    owner: team,
    subtitle,
    client_config: {
      redirect_urls: redirectUrl === null ? [] : [redirectUrl],
      confidential,
      scopes: [
        { realm: 'employees', scopes: ['uid'] },
        { realm: 'services', scopes: ['uid', ...texts] },
      ],
    },
    user_config: { scopes: texts },
  };
}
