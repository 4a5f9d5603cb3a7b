"""The Python client hvac, as it is published, uses all that it knows of tokens. Prints one line a part."""
import sys

import hvac

address, root_token = sys.argv[1], sys.stdin.read().strip()
client = hvac.Client(url=address, token=root_token)
client.sys.create_or_update_policy('reader', 'path "secret/data/*" { capabilities = ["read"] }')
token = client.auth.token


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind as error:
        return str(error)
    raise AssertionError(f'{action.__name__} was not refused')


def own(text):
    return hvac.Client(url=address, token=text).auth.token


made = token.create(policies=['reader'], meta={'a': 'b'}, ttl='1h', display_name='ci', num_uses=0, renewable=True)['auth']
assert made['policies'] == ['default', 'reader'] and made['metadata'] == {'a': 'b'} and made['token_type'] == 'service'
assert made['lease_duration'] == 3600 and made['renewable'] and not made['orphan'] and made['num_uses'] == 0
orphan = token.create_orphan(policies=['reader'], ttl='1h', no_default_policy=True)['auth']
assert orphan['orphan'] and orphan['policies'] == ['reader']
mine = token.create(id='text-of-my-own', policies=['reader'], period='30m', explicit_max_ttl='2h', no_parent=True)['auth']
assert mine['client_token'] == 'text-of-my-own' and mine['lease_duration'] == 1800
wrapped = token.create(policies=['reader'], wrap_ttl='60s')['wrap_info']
assert hvac.Client(url=address, token=wrapped['token']).sys.unwrap()['auth']['policies'] == ['default', 'reader']
refused(hvac.exceptions.InvalidRequest, token.create, policies=['reader'], entity_alias='somebody')
print('create')

seen = token.lookup(made['client_token'])['data']
assert seen['id'] == made['client_token'] and seen['display_name'] == 'token-ci' and seen['path'] == 'auth/token/create'
assert seen['type'] == 'service' and 'expire_time' in seen and isinstance(seen['ttl'], int)
assert own(made['client_token']).lookup_self()['data'] == seen
assert token.lookup_accessor(made['accessor'])['data'] == {**seen, 'id': ''}
assert {made['accessor'], orphan['accessor'], mine['accessor']} <= set(token.list_accessors()['data']['keys'])
assert token.lookup('text-of-my-own')['data']['period'] == 1800
refused(hvac.exceptions.Forbidden, token.lookup, 'nobody')
refused(hvac.exceptions.InvalidRequest, token.lookup_accessor, 'nobody')
print('lookup')

assert token.renew(made['client_token'], increment='2h')['auth']['lease_duration'] == 7200
assert own(made['client_token']).renew_self(increment='90m')['auth']['lease_duration'] == 5400
by_accessor = token.renew_accessor(made['accessor'], increment='100m')['auth']
assert by_accessor['lease_duration'] == 6000 and by_accessor['client_token'] == ''
assert token.renew('text-of-my-own', increment='5h')['auth']['lease_duration'] == 1800
refused(hvac.exceptions.InvalidRequest, own(root_token).renew_self)
print('renew')

token.create_or_update_role(
    'CI', allowed_policies='reader', disallowed_policies='root', orphan=False, renewable=True, path_suffix='v1',
    allowed_entity_aliases=['web-*'], token_period='1h', token_explicit_max_ttl='10h')
role = token.read_role('ci')['data']
assert role['allowed_policies'] == ['reader'] and role['disallowed_policies'] == ['root'] and role['path_suffix'] == 'v1'
assert role['token_period'] == 3600 and role['token_explicit_max_ttl'] == 36000 and role['token_type'] == 'default-service'
assert role['allowed_entity_aliases'] == ['web-*'] and role['renewable'] and not role['orphan']
assert token.list_roles()['data']['keys'] == ['ci']
of_role = token.create(role_name='ci', policies=['reader'])['auth']
assert token.lookup(of_role['client_token'])['data']['role'] == 'ci' and of_role['lease_duration'] == 3600
refused(hvac.exceptions.InvalidRequest, token.create, role_name='ci', policies=['other'])
refused(hvac.exceptions.InvalidRequest, token.create, role_name='none')
token.delete_role('ci')
refused(hvac.exceptions.InvalidPath, token.read_role, 'ci')
refused(hvac.exceptions.InvalidRequest, token.renew, of_role['client_token'])
print('roles')

maker = token.create(policies=['root'], ttl='5h')['auth']['client_token']
batch = own(maker).create(policies=['reader'], type='batch', ttl='1h')['auth']
assert batch['token_type'] == 'batch' and batch['accessor'] == '' and batch['client_token'].startswith('hvb.')
assert own(batch['client_token']).lookup_self()['data']['type'] == 'batch'
assert 'cannot be renewed' in refused(hvac.exceptions.InvalidRequest, own(batch['client_token']).renew_self)
assert 'cannot be revoked' in refused(hvac.exceptions.InvalidRequest, token.revoke, batch['client_token'])
child = own(maker).create(policies=['reader'], ttl='1h')['auth']['client_token']
capabilities = client.sys.get_capabilities
assert capabilities(['secret/data/x'], token=child)['data']['capabilities'] == ['read']
assert capabilities(['secret/data/x'], accessor=made['accessor'])['data']['secret/data/x'] == ['read']
assert capabilities(['secret/data/x'])['data']['capabilities'] == ['root']
print('batch')

token.revoke_and_orphan_children(maker)
refused(hvac.exceptions.Forbidden, own(maker).lookup_self)
refused(hvac.exceptions.Forbidden, own(batch['client_token']).lookup_self)
assert own(child).lookup_self()['data']['orphan'] is True
own(child).revoke_self()
refused(hvac.exceptions.Forbidden, token.lookup, child)
token.revoke_accessor(made['accessor'])
token.revoke('text-of-my-own')
token.revoke('nobody')
for gone in (made['client_token'], 'text-of-my-own'):
    refused(hvac.exceptions.Forbidden, token.lookup, gone)
answer = token.tidy()
assert 'Tidy' in str(answer if isinstance(answer, dict) else answer.json())
print('revoke')
