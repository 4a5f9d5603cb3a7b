"""The Python client hvac, as it is published, logs instances in and manages what their logins leave. Prints one line a part."""
import base64
import json
import sys

import hvac
import requests

given = json.load(sys.stdin)
client = hvac.Client(url=given['address'], token=given['token'])
mount = given['mount']
at = {'mount_point': mount}
aws = client.auth.aws
instance, tagged = given['instance'], given['tagged']


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


def data(answer):
    """hvac answers the data alone for some calls, and all of the answer for others."""
    return answer.get('data', answer)


client.sys.enable_auth_method('aws', path=mount)
pem = given['certificate']
aws.create_certificate_configuration('tests', base64.b64encode(pem.encode()).decode(), **at)
assert data(aws.read_certificate_configuration('tests', **at))['aws_public_cert'].strip() == pem.strip()
aws.create_certificate_configuration('other', pem, **at)
assert data(aws.list_certificate_configurations(**at))['keys'] == ['other', 'tests']
aws.delete_certificate_configuration('other', **at)
refused(hvac.exceptions.InvalidPath, aws.read_certificate_configuration, 'other', **at)
# hvac has no word for the regions of a certificate that stands beside a published one.
client.write_data(f'auth/{mount}/config/certificate/tests', data={
    'aws_public_cert': pem, 'type': 'pkcs7', 'regions': 'eu-central-1'})
print('certificates')

refused(hvac.exceptions.InvalidRequest, aws.create_role, 'web', auth_type='ec2', **at)
aws.create_role('Web', auth_type='ec2', bound_account_id='123456789012', bound_region=['eu-central-1'],
                bound_iam_role_arn='arn:aws:iam::123456789012:role/team/app', role_tag='coffer',
                policies=['web', 'more'], ttl='10m', **at)
role = data(aws.read_role('web', **at))
assert role['bound_account_id'] == ['123456789012'] and role['role_tag'] == 'coffer', role
aws.create_role('plain', auth_type='ec2', bound_ami_id=[given['image']], policies='plain', **at)
assert data(aws.list_roles(**at))['keys'] == ['plain', 'web']
aws.delete_role('nothing', **at)
print('roles')

machine = hvac.Client(url=given['address'])
first = machine.auth.aws.ec2_login(given['pkcs7'], role='plain', **at)
assert machine.is_authenticated() and first['auth']['policies'] == ['default', 'plain'], first
told = first['auth']['metadata']
assert (told['instance_id'], told['ami_id'], told['auth_type']) == (instance, given['image'], 'ec2'), told
nonce = told['nonce']
again = machine.auth.aws.ec2_login(given['pkcs7'], nonce=nonce, role='plain', **at)
assert 'nonce' not in again['auth']['metadata']
thief = hvac.Client(url=given['address'])
for guess in (None, 'guessed'):
    refused(hvac.exceptions.InvalidRequest, thief.auth.aws.ec2_login, given['pkcs7'], nonce=guess, role='plain', **at)
refused(hvac.exceptions.InvalidRequest, thief.auth.aws.ec2_login, given['pkcs7'][:-8], nonce=nonce, role='plain', **at)
assert not thief.token
print('login')

wish = {'policies': 'web', 'max_ttl': '5m', 'instance_id': tagged}
tag = data(aws.create_role_tags('web', **wish, **at))
assert tag['tag_key'] == 'coffer' and tag['tag_value'].startswith('v1:'), tag
refused(hvac.exceptions.InvalidRequest, aws.create_role_tags, 'plain', **at)
put = {'Action': 'CreateTags', 'Version': '2016-11-15', 'ResourceId.1': tagged,
       'Tag.1.Key': tag['tag_key'], 'Tag.1.Value': tag['tag_value']}
scope = 'AKIATEST/20260101/eu-central-1/ec2/aws4_request'
signed = {'Authorization': f'AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0'}
requests.post(given['moto'], data=put, headers=signed, timeout=30).raise_for_status()
narrowed = machine.auth.aws.ec2_login(given['pkcs7_of_tagged'], nonce='mine', role='web', **at)['auth']
assert narrowed['policies'] == ['default', 'web'] and narrowed['lease_duration'] == 300, narrowed
value = tag['tag_value']
aws.place_role_tags_in_blacklist(value, **at)
assert len(data(aws.list_blacklist_tags(**at))['keys']) == 1
assert data(aws.read_role_tag_blacklist(value, **at))['creation_time']
refused(hvac.exceptions.InvalidRequest, machine.auth.aws.ec2_login, given['pkcs7_of_tagged'], nonce='mine', role='web', **at)
aws.delete_blacklist_tags(value, **at)
refused(hvac.exceptions.InvalidPath, aws.read_role_tag_blacklist, value, **at)
machine.auth.aws.ec2_login(given['pkcs7_of_tagged'], nonce='mine', role='web', **at)
print('tags')

assert data(aws.list_identity_whitelist(**at))['keys'] == sorted([instance, tagged])
entry = data(aws.read_identity_whitelist(instance, **at))
assert entry['role'] == 'plain' and entry['client_nonce'] != nonce, entry
# hvac takes no name for the buffer here: it mistakes one spelling for the other.
aws.tidy_identity_whitelist_entries(**at)
aws.tidy_blacklist_tags(**at)
aws.delete_identity_whitelist_entries(instance, **at)
refused(hvac.exceptions.InvalidPath, aws.read_identity_whitelist, instance, **at)
machine.auth.aws.ec2_login(given['pkcs7'], nonce='another', role='plain', **at)
print('access list')
