"""The Python client hvac, as it is published, does the main job. Prints one line a step; any surprise ends it with a traceback."""
import sys

import hvac

client = hvac.Client(url=sys.argv[1])

assert not client.sys.is_initialized()
made = client.sys.initialize(secret_shares=3, secret_threshold=2)
assert client.sys.is_initialized() and client.sys.is_sealed()
client.sys.submit_unseal_keys(made['keys'][:2])
assert not client.sys.is_sealed()
client.token = made['root_token']
assert client.is_authenticated()
assert client.sys.read_health_status(method='GET')['sealed'] is False
print('init')

client.sys.enable_secrets_engine('kv', path='team', options={'version': 2})
assert client.sys.list_mounted_secrets_engines()['data']['team/']['options'] == {'version': '2'}
kv = client.secrets.kv.v2
kv.create_or_update_secret('db', secret={'password': 'p1'}, cas=0, mount_point='team')
kv.create_or_update_secret('db', secret={'password': 'p2'}, cas=1, mount_point='team')
try:
    kv.create_or_update_secret('db', secret={'password': 'p3'}, cas=1, mount_point='team')
    raise AssertionError('a stale check-and-set was taken')
except hvac.exceptions.InvalidRequest as error:
    assert 'check-and-set parameter did not match' in str(error)
assert kv.read_secret_version('db', mount_point='team', raise_on_deleted_version=True)['data']['data'] == {'password': 'p2'}
assert kv.read_secret_version('db', version=1, mount_point='team', raise_on_deleted_version=True)['data']['data'] == {'password': 'p1'}
kv.patch('db', secret={'user': 'web'}, mount_point='team')
assert kv.read_secret_version('db', mount_point='team', raise_on_deleted_version=True)['data']['data'] == {'password': 'p2', 'user': 'web'}
assert kv.list_secrets('', mount_point='team')['data']['keys'] == ['db']
assert kv.read_secret_metadata('db', mount_point='team')['data']['current_version'] == 3
kv.update_metadata('db', custom_metadata={'owner': 'web'}, mount_point='team')
assert kv.read_secret_metadata('db', mount_point='team')['data']['custom_metadata'] == {'owner': 'web'}
kv.delete_latest_version_of_secret('db', mount_point='team')
try:
    kv.read_secret_version('db', mount_point='team', raise_on_deleted_version=True)
    raise AssertionError('a deleted version was read')
except hvac.exceptions.InvalidPath:
    pass
kv.undelete_secret_versions('db', versions=[3], mount_point='team')
kv.destroy_secret_versions('db', versions=[1], mount_point='team')
print('kv')

client.sys.create_or_update_policy('reader', 'path "team/data/*" { capabilities = ["read"] }')
client.sys.create_or_update_policy('as-json', {'path': {'team/data/*': {'policy': 'deny'}}})
assert set(client.sys.list_policies()['data']['policies']) == {'default', 'root', 'reader', 'as-json'}
assert 'team/data/*' in client.sys.read_policy('reader')['data']['rules']
client.sys.delete_policy('as-json')
print('policies')

client.sys.enable_auth_method('approle')
assert 'approle/' in client.sys.list_auth_methods()['data']
client.auth.approle.create_or_update_approle('web', token_policies=['reader'], token_ttl='20m', secret_id_num_uses=2)
assert client.auth.approle.list_roles()['data']['keys'] == ['web']
assert client.auth.approle.read_role('web')['data']['token_ttl'] == 1200
role_id = client.auth.approle.read_role_id('web')['data']['role_id']
secret_id = client.auth.approle.generate_secret_id('web', metadata={'host': 'a'})['data']['secret_id']
assert client.auth.approle.read_secret_id('web', secret_id)['data']['metadata'] == {'host': 'a'}
application = hvac.Client(url=sys.argv[1])
login = application.auth.approle.login(role_id=role_id, secret_id=secret_id)
assert login['auth']['metadata'] == {'role_name': 'web', 'host': 'a'}
assert application.secrets.kv.v2.read_secret_version('db', mount_point='team', raise_on_deleted_version=True)['data']['data']['user'] == 'web'
try:
    application.secrets.kv.v2.create_or_update_secret('db', secret={}, mount_point='team')
    raise AssertionError('a reader wrote')
except hvac.exceptions.Forbidden:
    pass
application.auth.approle.login(role_id=role_id, secret_id=secret_id)
try:
    hvac.Client(url=sys.argv[1]).auth.approle.login(role_id=role_id, secret_id=secret_id)
    raise AssertionError('a spent secret id logged in')
except hvac.exceptions.InvalidRequest:
    pass
print('approle')

created = client.auth.token.create(policies=['reader'], ttl='1h', meta={'a': 'b'})['auth']
assert client.auth.token.lookup(created['client_token'])['data']['meta'] == {'a': 'b'}
assert client.auth.token.renew(created['client_token'], increment='2h')['auth']['lease_duration'] == 7200
client.auth.token.revoke_accessor(created['accessor'])
try:
    client.auth.token.lookup(created['client_token'])
    raise AssertionError('a revoked token was looked up')
except hvac.exceptions.Forbidden:
    pass
application.auth.token.revoke_self()
assert not application.is_authenticated()
print('tokens')

client.sys.disable_auth_method('approle')
client.sys.disable_secrets_engine('team')
client.sys.seal()
assert client.sys.is_sealed()
client.sys.submit_unseal_key(made['keys_base64'][2])
client.sys.submit_unseal_key(made['keys_base64'][1])
assert client.is_authenticated()
print('seal')
