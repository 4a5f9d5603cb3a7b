import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { mergedRole, type RoleFields } from './role-fields.ts';

const fields = (sent: JsonObject) => sent as unknown as RoleFields;
const arn = 'arn:aws:iam::123456789012:role/Admin';
const document = '{ "Version": "2012-10-17", "Statement": [] }';
const session = { credential_type: 'assumed_role', role_arns: [arn] };

describe('a role', () => {
  it.each([
    [{}, /did not supply credential_type/],
    [{ credential_type: 'cat' }, /unrecognized credential_type/],
    [{ credential_type: 'IAM_USER' }, /unrecognized/],
    [{ ...session, credential_type: 'iam_user' }, /role_arns goes with credential_type assumed_role/],
    [{ credential_type: 'session_token', policy_document: document }, /policy_document goes with/],
    [{ credential_type: 'session_token', policy_arns: ['x'] }, /policy_arns goes with/],
    [{ ...session, iam_groups: ['a'] }, /iam_groups goes with credential_type iam_user/],
    [{ ...session, user_path: '/a/' }, /user_path goes with/],
    [{ ...session, permissions_boundary_arn: 'arn:aws:iam::aws:policy/x' }, /permissions_boundary_arn goes/],
    [{ credential_type: 'iam_user', default_sts_ttl: 3_600 }, /default_sts_ttl goes with/],
    [{ ...session, default_sts_ttl: 7_200, max_sts_ttl: 3_600 }, /less than or equal/],
    [{ ...session, default_sts_ttl: 60 }, /900 seconds and more/],
    [{ ...session, max_sts_ttl: 60 }, /900 seconds and more/],
    [{ ...session, mfa_serial_number: 'GAHT12345678' }, /mfa_serial_number goes with/],
    [{ ...session, transitive_tags: ['team'] }, /among session_tags/],
    [{ ...session, session_tags: { 'aws:x': 'y' } }, /session_tags/],
    [{ ...session, session_tags: { team: '{{other}}' } }, /session_tags\.team/],
    [{ ...session, external_id: 'a b' }, /external_id/],
    [{ ...session, session_name_template: 'same' }, /session_name_template/],
    [{ ...session, source_identity_template: 'same' }, /source_identity_template/],
    [{ ...session, notify: ['a b'] }, /notify/],
    [{ ...session, policy_document: '{' }, /policy_document is the JSON/],
    [{ ...session, policy_document: '[]' }, /policy_document is the JSON/],
    [{ ...session, policy_document: {} }, /policy_document is the JSON/],
    [{ ...session, policy_document: 'null' }, /policy_document is the JSON/],
    [{ credential_type: 'iam_user', user_path: 'a' }, /user_path/],
    [{ credential_type: 'iam_user', iam_groups: ['a/b'] }, /iam_groups/],
    [{ credential_type: 'iam_user', iam_tags: { '': 'x' } }, /iam_tags/],
    [{ policy: document, credential_type: 'iam_user' }, /do not go with other fields/],
    [{ policy: document, arn }, /only one of policy or arn/],
  ])('is refused as %j', (sent, message) => {
    expect(() => mergedRole(undefined, fields(sent))).toThrow(message);
  });

  it('threat 27: is refused for a role or a policy that is no whole ARN, and takes every partition', () => {
    const wrong = [
      '*',
      'Admin',
      'arn:aws:iam::*:role/Admin',
      'arn:aws:iam::123456789012:role/*',
      'arn:aws:iam::123456789012:role/',
      'arn:aws:iam::123456789012:user/Admin',
      'arn:aws:sts::123456789012:assumed-role/Admin/x',
      ' arn:aws:iam::123456789012:role/Admin',
      'arn:aws:iam::１２３456789012:role/Admin',
    ];
    for (const each of wrong) {
      expect(() => mergedRole(undefined, fields({ ...session, role_arns: [each] })), each).toThrow(
        /role_arns/,
      );
    }
    const arns = ['aws', 'aws-cn', 'aws-us-gov', 'aws-iso-b'].map((partition) =>
      arn.replace('aws', partition),
    );
    expect(mergedRole(undefined, fields({ ...session, role_arns: arns })).role.roleArns).toEqual(arns);
    const policies = { ...session, policy_arns: ['arn:aws:iam::aws:policy/job-function/*'] };
    expect(() => mergedRole(undefined, fields(policies))).toThrow(/policy_arns/);
  });

  it('names every problem at once, and keeps what was not sent', () => {
    const sent = fields({ ...session, default_sts_ttl: 1, external_id: '', user_path: '/x/' });
    expect(() => mergedRole(undefined, sent)).toThrow(
      /^error\(s\) validating supplied role data: user_path[^;]+; default_sts_ttl[^;]+$/,
    );
    const { role } = mergedRole(undefined, fields({ ...session, policy_document: document }));
    expect(role.policyDocument).toBe('{"Version":"2012-10-17","Statement":[]}');
    expect(mergedRole(role, fields({ max_sts_ttl: 3_600 })).role).toEqual({ ...role, maxTtl: 3_600 });
    expect(mergedRole(role, fields({ policy_document: '' })).role.policyDocument).toBe('');
  });

  it('of Vault’s first way makes users or sessions, with a warning', () => {
    const byPolicy = mergedRole(undefined, fields({ policy: document }));
    expect(byPolicy.role).toMatchObject({ types: ['iam_user', 'federation_token'], isLegacy: true });
    expect(byPolicy.warnings.join()).toContain('first way');
    expect(mergedRole(undefined, fields({ arn })).role).toMatchObject({
      types: ['assumed_role'],
      roleArns: [arn],
    });
    const policyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    expect(mergedRole(undefined, fields({ arn: policyArn })).role).toMatchObject({
      types: ['iam_user'],
      policyArns: [policyArn],
    });
  });
});
