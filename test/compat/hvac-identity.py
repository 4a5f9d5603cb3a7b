"""The Python client hvac, as it is published, uses all that it knows of identity. Prints one line a part."""
import sys

import hvac

address, token = sys.argv[1], sys.stdin.read().strip()
client = hvac.Client(url=address, token=token)
identity = client.secrets.identity


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


client.sys.enable_auth_method('userpass')
client.sys.enable_auth_method('userpass', path='more')
accessor = client.sys.list_auth_methods()['data']['userpass/']['accessor']
other = client.sys.list_auth_methods()['data']['more/']['accessor']

made = identity.create_or_update_entity('ann', metadata={'team': 'x'}, policies=['reader'], disabled=False)
ann = made['data']['id']
assert made['data']['name'] == 'ann' and made['data']['aliases'] is None
assert identity.create_or_update_entity('ann', policies=['reader', 'writer']).status_code == 204
assert identity.read_entity(ann)['data']['policies'] == ['reader', 'writer']
bob = identity.create_or_update_entity_by_name('bob', metadata={'a': 'b'})['data']['id']
assert identity.read_entity_by_name('bob')['data']['id'] == bob
assert identity.update_entity(bob, name='bobby', disabled=True).status_code == 204
assert identity.read_entity(bob)['data']['disabled'] is True
identity.update_entity(bob, disabled=False)
for method in ('LIST', 'GET'):
    assert set(identity.list_entities(method)['data']['keys']) == {ann, bob}
    assert identity.list_entities_by_name(method)['data']['keys'] == ['ann', 'bobby']
print('entities')

alias = identity.create_or_update_entity_alias('ann', ann, accessor)['data']
assert alias['canonical_id'] == ann
assert identity.read_entity_alias(alias['id'])['data']['mount_path'] == 'auth/userpass/'
identity.update_entity_alias(alias['id'], 'anna', ann, accessor)
assert identity.read_entity_alias(alias['id'])['data']['name'] == 'anna'
for method in ('LIST', 'GET'):
    assert identity.list_entity_aliases(method)['data']['keys'] == [alias['id']]
client.auth.userpass.create_or_update_user('anna', password='a password')
person = hvac.Client(url=address)
login = person.auth.userpass.login('anna', 'a password')['auth']
assert login['entity_id'] == ann and login['identity_policies'] == ['reader', 'writer']
assert person.auth.token.lookup_self()['data']['entity_id'] == ann
print('aliases')

second = identity.create_or_update_entity_alias('anna', bob, other)['data']['id']
identity.merge_entities(from_entity_ids=[bob], to_entity_id=ann)
assert identity.read_entity_alias(second)['data']['canonical_id'] == ann
refused(hvac.exceptions.InvalidPath, identity.read_entity, bob)
assert identity.delete_entity_alias(second).status_code == 204
refused(hvac.exceptions.InvalidPath, identity.read_entity_alias, second)
print('merge')

group = identity.create_or_update_group('all', metadata={'a': 'b'}, policies=['ops'], member_entity_ids=[ann])['data']
assert group['name'] == 'all'
outer = identity.create_or_update_group_by_name('outer', policies=['out'], member_group_ids=[group['id']])['data']['id']
assert person.auth.token.lookup_self()['data']['identity_policies'] == ['ops', 'out', 'reader', 'writer']
identity.update_group(group['id'], 'everyone', policies=['ops'], member_entity_ids=[ann])
assert identity.read_group(group['id'])['data']['member_entity_ids'] == [ann]
assert identity.read_group_by_name('everyone')['data']['parent_group_ids'] == [outer]
for method in ('LIST', 'GET'):
    assert set(identity.list_groups(method)['data']['keys']) == {group['id'], outer}
    assert identity.list_groups_by_name(method)['data']['keys'] == ['everyone', 'outer']
external = identity.create_or_update_group('external', group_type='external')['data']['id']
group_alias = identity.create_or_update_group_alias('Admins', mount_accessor=accessor, canonical_id=external)['data']['id']
identity.update_group_alias(group_alias, 'Chiefs', accessor, external)
assert identity.read_group_alias(group_alias)['data']['name'] == 'Chiefs'
for method in ('LIST', 'GET'):
    assert identity.list_group_aliases(method)['data']['keys'] == [group_alias]
assert identity.lookup_entity(name='ann')['data']['id'] == ann
assert identity.lookup_entity(alias_name='anna', alias_mount_accessor=accessor)['data']['id'] == ann
assert identity.lookup_entity(alias_id=alias['id'])['data']['id'] == ann
assert identity.lookup_entity(entity_id='none').status_code == 204
assert identity.lookup_group(name='everyone')['data']['id'] == group['id']
assert identity.lookup_group(alias_name='Chiefs', alias_mount_accessor=accessor)['data']['id'] == external
assert identity.lookup_group(group_id='none').status_code == 204
assert identity.delete_group_alias(group_alias).status_code == 204
assert identity.delete_group_by_name('outer').status_code == 204
assert identity.delete_group(group['id']).status_code == 204
assert person.auth.token.lookup_self()['data']['identity_policies'] == ['reader', 'writer']
print('groups')

identity.configure_tokens_backend(issuer='https://coffer.example:8200')
assert identity.read_tokens_backend_configuration()['data']['issuer'] == 'https://coffer.example:8200'
identity.create_named_key('k', rotation_period='1h', verification_ttl='2h', allowed_client_ids=['*'], algorithm='ES256')
assert identity.read_named_key('k')['data']['algorithm'] == 'ES256'
assert identity.list_named_keys()['data']['keys'] == ['k']
identity.rotate_named_key('k', verification_ttl='1h')
identity.create_or_update_role('r', key='k', template='{"team": {{identity.entity.metadata.team}}}', ttl='30m')
role = identity.read_role('r')['data']
assert role['key'] == 'k' and role['ttl'] == 1800
assert identity.list_roles()['data']['keys'] == ['r']
client.sys.create_or_update_policy('reader', 'path "identity/oidc/token/r" { capabilities = ["read"] }')
signed = person.secrets.identity.generate_signed_id_token('r')['data']
assert signed['client_id'] == role['client_id'] and signed['ttl'] == 1800
assert identity.introspect_signed_id_token(signed['token'], role['client_id'])['active'] is True
assert identity.introspect_signed_id_token(signed['token'], 'another')['active'] is False
found = hvac.Client(url=address).secrets.identity
assert found.read_well_known_configurations()['issuer'] == 'https://coffer.example:8200/v1/identity/oidc'
assert found.read_active_public_keys()['keys'][0]['kty'] == 'EC'
assert identity.delete_role('r').status_code == 204
assert identity.delete_named_key('k').status_code == 204
print('tokens')

assert identity.delete_entity_by_name('ann').status_code == 204
assert identity.delete_entity(ann).status_code == 204
refused(hvac.exceptions.Forbidden, person.auth.token.lookup_self)
print('ends')
