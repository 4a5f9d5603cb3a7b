"""The Python client hvac, as it is published, uses all that it knows of the secrets engine aws. Prints one line a part."""
import json
import sys

import hvac

given = json.loads(sys.stdin.read())
client = hvac.Client(url=given['address'], token=given['token'])
aws = client.secrets.aws
at = {'mount_point': 'aws-hvac'}
document = {
    'Version': '2012-10-17',
    'Statement': [{'Action': 'ec2:Describe*', 'Effect': 'Allow', 'Resource': '*'}],
}


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


client.sys.enable_secrets_engine('aws', path='aws-hvac')
aws.configure_root_iam_credentials(
    given['key'], given['secret'], region='eu-central-1', iam_endpoint=given['aws'], sts_endpoint=given['aws'],
    max_retries=2, **at)
refused(hvac.exceptions.InvalidPath, aws.read_lease_config, **at)
aws.configure_lease('60s', '120s', **at)
assert aws.read_lease_config(**at)['data'] == {'lease': '1m0s', 'lease_max': '2m0s'}
print('config')

aws.create_or_update_role('user', 'iam_user', policy_document=document, iam_tags=['team=web'], **at)
aws.create_or_update_role('narrow', 'assumed_role', policy_document=document, **at)
aws.create_or_update_role(
    'Admin', 'assumed_role', role_arns='arn:aws:iam::123456789012:role/Admin', default_sts_ttl='20m', **at)
aws.create_or_update_role('guest', 'federation_token', policy_document=json.dumps(document), **at)
aws.create_or_update_role('first', 'iam_user', policy_document=json.dumps(document), legacy_params=True, **at)
role = aws.read_role('user', **at)['data']
assert role['credential_type'] == 'iam_user' and json.loads(role['policy_document']) == document, role
assert aws.list_roles(**at)['data']['keys'] == ['Admin', 'first', 'guest', 'narrow', 'user']
aws.delete_role('first', **at)
refused(hvac.exceptions.InvalidPath, aws.read_role, 'first', **at)
print('roles')

user = aws.generate_credentials('user', **at)
assert user['data']['access_key'].startswith('AKIA') and user['data']['security_token'] is None, user
assert user['lease_duration'] == 60 and user['renewable'] is True, user
assert client.sys.renew_lease(user['lease_id'], increment=100)['lease_duration'] == 100
client.sys.revoke_lease(user['lease_id'])
session = aws.generate_credentials('Admin', endpoint='sts', role_session_name='hvac', **at)
assert session['data']['arn'].endswith(':assumed-role/Admin/hvac') and session['data']['ttl'] == 1200, session
assert session['renewable'] is False and session['lease_duration'] == 1200
longer = aws.generate_credentials('Admin', role_arn='arn:aws:iam::123456789012:role/Admin', ttl='1h', **at)
assert longer['data']['ttl'] == 3600, longer
assert aws.generate_credentials('guest', endpoint='sts', **at)['data']['session_token']
refused(hvac.exceptions.InvalidRequest, aws.generate_credentials, 'narrow', **at)
refused(hvac.exceptions.InvalidRequest, aws.generate_credentials, 'missing', **at)
print('credentials')

rotated = aws.rotate_root_iam_credentials(**at)
assert rotated['data']['access_key'] != given['key']
assert aws.generate_credentials('Admin', **at)['data']['ttl'] == 1200
client.sys.disable_secrets_engine('aws-hvac')
print('rotation')
