/** Which cluster a `kubernetes` mount asks, at rest; and what such a configuration may be. */
import type { Fields, FieldValues } from '../../core/endpoint.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { isCertificateList, parsePemKey } from '../../crypto/jwt/keys.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { parseOutgoingUrl } from '../../outgoing/https.ts';
import type { Revision } from '../../storage/storage.ts';

/** Texts are empty where nothing is set. */
export interface KubernetesConfig {
  /** Without a trailing `/`. */
  readonly host: string;
  readonly ca: string;
  readonly reviewerJwt: string;
  readonly pemKeys: readonly string[];
  readonly issuer: string;
  readonly disableIssuerValidation: boolean;
  readonly disableLocalCaJwt: boolean;
}

export interface ReadConfig {
  readonly config: KubernetesConfig;
  readonly revision: Revision;
}

export const configPath = 'config';

export const configFields = {
  kubernetes_host: { type: 'string', help: 'The API server, such as https://10.0.0.1:6443.' },
  // A key may come in one text with certificates.
  kubernetes_ca_cert: { type: 'string', help: 'Certificates to trust there, in PEM.', sensitive: true },
  token_reviewer_jwt: {
    type: 'string',
    help: 'Token by which reviews are asked for; never shown. Without it the pod’s own, or the one that logs in.',
    sensitive: true,
  },
  pem_keys: { type: 'list', help: 'Public keys or certificates of the cluster’s issuer, in PEM.' },
  issuer: { type: 'string', help: 'What iss must be, where it is checked.' },
  disable_iss_validation: { type: 'bool', help: 'Leave iss to the API server; true when absent.' },
  disable_local_ca_jwt: { type: 'bool', help: 'Do not use the pod’s own certificates and token.' },
} as const satisfies Fields;

export async function readConfig(view: View): Promise<ReadConfig | undefined> {
  const sealed = await view.read(configPath);
  return sealed === undefined
    ? undefined
    : { config: decodeStored<KubernetesConfig>(sealed.open()), revision: sealed.revision };
}

/** A whole configuration: what is not sent is not set, as in Vault. Throws `invalid_request`. */
export function parseConfig(sent: FieldValues<typeof configFields>): KubernetesConfig {
  const config: KubernetesConfig = {
    host: parseHost(sent.kubernetes_host ?? ''),
    ca: sent.kubernetes_ca_cert ?? '',
    reviewerJwt: (sent.token_reviewer_jwt ?? '').trim(),
    pemKeys: sent.pem_keys ?? [],
    issuer: sent.issuer ?? '',
    disableIssuerValidation: sent.disable_iss_validation ?? true,
    disableLocalCaJwt: sent.disable_local_ca_jwt ?? false,
  };
  if (config.ca !== '' && !isCertificateList(config.ca)) {
    throw refused('kubernetes_ca_cert is not a list of certificates in PEM');
  }
  if (config.reviewerJwt !== '' && !isBearer(config.reviewerJwt)) {
    throw refused('token_reviewer_jwt is not a token');
  }
  if (config.disableLocalCaJwt && config.ca === '') {
    throw refused('kubernetes_ca_cert must be given when disable_local_ca_jwt is true');
  }
  if (config.pemKeys.length > 50) throw refused('pem_keys has at most 50 keys');
  config.pemKeys.forEach(parsePemKey);
  return config;
}

/** What goes into a header as it is (RFC 6750 §2.1). */
export function isBearer(text: string): boolean {
  return text.length <= 32_768 && /^[\w.~+/-]+=*$/.test(text);
}

function parseHost(text: string): string {
  if (text === '') throw refused('no host provided');
  const url = parseOutgoingUrl(text, 'kubernetes_host');
  if (url.search !== '') throw refused('kubernetes_host must not have a query');
  return text.replace(/\/+$/, '');
}

/** In the wire's names, without the token. */
export function shownConfig(config: KubernetesConfig): JsonObject {
  return {
    kubernetes_host: config.host,
    kubernetes_ca_cert: config.ca,
    pem_keys: config.pemKeys,
    issuer: config.issuer,
    disable_iss_validation: config.disableIssuerValidation,
    disable_local_ca_jwt: config.disableLocalCaJwt,
    token_reviewer_jwt_set: config.reviewerJwt !== '',
  };
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
