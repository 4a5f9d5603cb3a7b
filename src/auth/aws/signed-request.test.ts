import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedHeaders } from '../../../test/fakes/fake-sts.ts';
import { identityQuestion, parseSignedRequest, type RequestRules } from './signed-request.ts';

const now = Date.parse('2026-11-22T12:00:00Z');
const rules: RequestRules = { configuredHost: undefined, region: '', serverId: '', allowedHeaders: [] };
const signer = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'of-a-test' };

function parse(host: string, region: string, change: Partial<RequestRules> = {}, scheme = 'https') {
  const headers = signedHeaders(signer, { host, region, at: now });
  const single = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]] as const);
  const sent = {
    method: 'POST',
    url: Buffer.from(`${scheme}://${host}/`).toString('base64'),
    body: Buffer.from(identityQuestion).toString('base64'),
    headers: Object.fromEntries(single),
  };
  return parseSignedRequest(sent, { ...rules, ...change }, now);
}

describe('a signed request', () => {
  it.each([
    ['sts.amazonaws.com', 'us-east-1', 'aws'],
    ['sts.us-east-1.amazonaws.com', 'us-east-1', 'aws'],
    ['sts.eu-central-1.amazonaws.com', 'eu-central-1', 'aws'],
    ['sts-fips.us-west-2.amazonaws.com', 'us-west-2', 'aws'],
    ['sts.cn-north-1.amazonaws.com.cn', 'cn-north-1', 'aws-cn'],
    ['sts.us-gov-west-1.amazonaws.com', 'us-gov-west-1', 'aws-us-gov'],
  ])('for %s is of its region and partition', (host, region, partition) => {
    expect(parse(host, region)).toMatchObject({ host, sts: { region, partition }, signedAt: now });
  });

  it.each([
    ['sts.amazonaws.com', 'eu-central-1'],
    ['sts.eu-central-1.amazonaws.com', 'us-east-1'],
    ['sts.cn-north-1.amazonaws.com', 'cn-north-1'],
    ['sts.eu-central-1.amazonaws.com.cn', 'eu-central-1'],
    ['sts-fips.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['sts.mars-north-1.amazonaws.com', 'mars-north-1'],
    ['stseu-central-1.amazonaws.com', 'eu-central-1'],
    ['constructor', 'us-east-1'],
  ])('threat 01: for %s, signed for %s, is none', (host, region) => {
    expect(() => parse(host, region)).toThrow(/proves nothing/);
  });

  it('is for the one region where that is fixed', () => {
    const fixed = { region: 'eu-central-1' };
    expect(parse('sts.eu-central-1.amazonaws.com', 'eu-central-1', fixed).host).toContain('eu-central-1');
    expect(() => parse('sts.amazonaws.com', 'us-east-1', fixed)).toThrow(/another region/);
  });

  it('is for the configured host, or for AWS’s where clients know nothing of it', () => {
    const configured = { configuredHost: '127.0.0.1:9' };
    expect(parse('127.0.0.1:9', 'eu-central-1', configured, 'http')).toMatchObject({ sts: undefined });
    expect(parse('sts.amazonaws.com', 'eu-central-1', configured).host).toBe('sts.amazonaws.com');
    expect(() => parse('127.0.0.1:10', 'eu-central-1', configured, 'http')).toThrow(/not one of STS/);
    expect(() => parse('sts.amazonaws.com', 'us-east-1', configured, 'http')).toThrow(/not https/);
  });

  it('threat 01: of any other parts is refused, and never something else', () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' }));
    const headers = fc.dictionary(fc.oneof(text, fc.constantFrom('host', 'authorization')), fc.array(text), {
      maxKeys: 5,
    });
    const sent = fc.record({ method: fc.constantFrom('POST', 'GET', ''), url: text, body: text, headers });
    fc.assert(
      fc.property(sent, (request) => {
        expect(() => parseSignedRequest(request, rules, now)).toThrow(/the signed request proves nothing/);
      }),
    );
  });
});
