"""The Python client hvac, as it is published, uses what it knows of the auth method aws. Prints one line a part."""
import json
import sys

import hvac

given = json.load(sys.stdin)
client = hvac.Client(url=given['address'], token=given['token'])
aws = client.auth.aws
account = '123456789012'


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


def data(answer):
    """hvac answers the data alone for some calls, and all of the answer for others."""
    return answer.get('data', answer)


client.sys.enable_auth_method('aws')
refused(hvac.exceptions.InvalidPath, aws.read_config)
aws.configure(max_retries=2, iam_server_id_header_value='coffer.example.com')
assert data(aws.read_config())['iam_server_id_header_value'] == 'coffer.example.com'
aws.configure_identity_integration(iam_alias='unique_id', iam_metadata=['account_id', 'client_arn'])
identity = data(aws.read_identity_integration())
assert identity['iam_alias'] == 'unique_id' and identity['iam_metadata'] == ['account_id', 'client_arn'], identity
aws.create_sts_role('210987654321', 'arn:aws:iam::210987654321:role/coffer')
assert data(aws.read_sts_role('210987654321'))['sts_role'].endswith(':role/coffer')
assert data(aws.list_sts_roles())['keys'] == ['210987654321']
aws.delete_sts_role('210987654321')
refused(hvac.exceptions.InvalidPath, aws.list_sts_roles)
for configure, read, delete in (
    (aws.configure_identity_whitelist_tidy, aws.read_identity_whitelist_tidy, aws.delete_identity_whitelist_tidy),
    (aws.configure_role_tag_blacklist_tidy, aws.read_role_tag_blacklist_tidy, aws.delete_role_tag_blacklist_tidy),
):
    configure(safety_buffer='48h', disable_periodic_tidy=True)
    assert data(read())['safety_buffer'] == 48 * 3600
    delete()
print('config')

arn = f'arn:aws:iam::{account}:user/people/ann'
aws.create_role('people', auth_type='iam', bound_iam_principal_arn=arn, policies=['people'], ttl='20m')
role = data(aws.read_role('people'))
assert role['bound_iam_principal_arn'] == [arn] and role['bound_iam_principal_id'] != [''], role
assert data(aws.list_roles())['keys'] == ['people']
print('role')

person = hvac.Client(url=given['address'])
login = person.auth.aws.iam_login(
    given['key'], given['secret'], header_value='coffer.example.com', role='people')
assert login['auth']['policies'] == ['default', 'people'] and login['auth']['lease_duration'] == 1200, login
assert login['auth']['metadata']['client_arn'] == arn and person.is_authenticated()
other = hvac.Client(url=given['address'])
refused(hvac.exceptions.InvalidRequest, other.auth.aws.iam_login, given['key'], given['secret'], role='people')
refused(hvac.exceptions.InvalidRequest, other.auth.aws.iam_login, given['key'], given['secret'],
        header_value='other.example.com', role='people')
aws.tidy_blacklist_tags()
aws.tidy_identity_whitelist_entries()
print('login')
