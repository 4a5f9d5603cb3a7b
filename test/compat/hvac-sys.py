"""The Python client hvac, as it is published, walks client.sys of a new server. Prints one line a part."""
import sys

import hvac
from hvac import exceptions

client = hvac.Client(url=sys.argv[1])


def refused(expected, action, words=''):
    """The exception that an action ends with, which must be of one of these classes and say these words."""
    try:
        answer = action()
    except expected as error:
        assert words in str(error), error
        return error
    raise AssertionError('not refused: %r' % (answer,))


# init, health and seal, without a store
assert client.sys.is_initialized() is False
assert client.sys.read_init_status() == {'initialized': False}
assert client.sys.read_health_status(method='HEAD').status_code == 501
assert client.sys.read_health_status(method='GET', uninit_code=299).status_code == 299
made = client.sys.initialize(secret_shares=2, secret_threshold=2)
assert len(made['keys']) == 2
refused(exceptions.InvalidRequest, lambda: client.sys.initialize(1, 1), 'Vault is already initialized')
print('init')

assert client.sys.is_sealed() is True
assert client.sys.read_seal_status()['t'] == 2
assert client.sys.read_health_status(method='HEAD').status_code == 503
assert client.sys.read_health_status(method='GET', sealed_code=298).status_code == 298
assert client.sys.submit_unseal_key(made['keys'][0])['progress'] == 1
assert client.sys.submit_unseal_key(reset=True)['progress'] == 0
assert client.sys.submit_unseal_keys(made['keys'])['sealed'] is False
client.token = made['root_token']
client.sys.seal()
assert client.sys.is_sealed() is True
client.sys.submit_unseal_keys(made['keys'])
assert client.sys.is_sealed() is False
print('seal')

health = client.sys.read_health_status(method='GET')
assert health['initialized'] is True and health['sealed'] is False and health['standby'] is False
assert health['version'].startswith('1.17.')
assert client.sys.read_health_status(method='GET', active_code=222).status_code == 222
assert client.sys.read_health_status(standby_ok=True, method='HEAD').status_code == 200
print('health')

leader = client.sys.read_leader_status()
assert leader['ha_enabled'] is True and leader['is_self'] is True
assert leader['leader_address'].startswith('http://127.0.0.1:')
(node,) = client.adapter.get('/v1/sys/ha-status')['data']['nodes']
assert node['active_node'] is True and node['api_address'] == leader['leader_address']
assert client.sys.step_down().status_code == 204
print('leader')

# audit
assert list(client.sys.list_enabled_audit_devices()['data']) == ['coffer-chain/']
client.sys.enable_audit_device('file', description='for tools', options={'path': 'hvac.log'}, path='tools')
devices = client.sys.list_enabled_audit_devices()
assert devices['data']['tools/']['type'] == 'file' and devices['tools/']['options'] == {'path': 'hvac.log'}
assert client.sys.calculate_hash('tools', 'a')['data']['hash'].startswith('hmac-sha256:')
assert client.sys.calculate_hash('tools', 'a')['data'] != client.sys.calculate_hash('coffer-chain', 'a')['data']
refused(exceptions.InvalidRequest, lambda: client.sys.calculate_hash('none', 'a'), 'unknown audit backend')
refused(exceptions.InvalidRequest, lambda: client.sys.enable_audit_device('file', options={'path': '/tmp/x.log'}), 'audit.directories')
refused(exceptions.InvalidRequest, lambda: client.sys.enable_audit_device('file', options={'path': 'x', 'mode': '0755'}), '0600')
refused(exceptions.InvalidRequest, lambda: client.sys.disable_audit_device('coffer-chain'), 'cannot be disabled')
client.sys.disable_audit_device('tools')
assert 'tools/' not in client.sys.list_enabled_audit_devices()['data']
print('audit')

# auth
client.sys.enable_auth_method('approle', description='d', path='roles')
assert client.sys.list_auth_methods()['data']['roles/']['type'] == 'approle'
client.sys.tune_auth_method('roles', default_lease_ttl='60s', description='other')
assert client.sys.read_auth_method_tuning('roles')['data']['default_lease_ttl'] == 60
client.sys.disable_auth_method('roles')
assert 'roles/' not in client.sys.list_auth_methods()['data']
print('auth')

# policies
client.sys.create_or_update_policy('hvac', 'path "secret/*" { capabilities = ["read"] }')
assert 'hvac' in client.sys.list_policies()['data']['policies']
assert client.sys.read_policy('hvac')['data']['rules'] == 'path "secret/*" { capabilities = ["read"] }'
client.sys.create_or_update_policy('hvac', {'path': {'secret/*': {'capabilities': ['list']}}})
client.sys.delete_policy('hvac')
refused(exceptions.InvalidPath, lambda: client.sys.read_policy('hvac'))
client.sys.create_or_update_acl_policy('acl', 'path "a" { policy = "read" }')
assert 'acl' in client.sys.list_acl_policies()['data']['keys']
assert client.sys.read_acl_policy('acl')['data']['policy'] == 'path "a" { policy = "read" }'
client.sys.delete_acl_policy('acl')
refused((exceptions.InvalidPath, exceptions.InvalidRequest), client.sys.list_rgp_policies)
refused((exceptions.InvalidPath, exceptions.InvalidRequest), lambda: client.sys.read_egp_policy('x'))
print('policies')

# quotas
client.sys.enable_secrets_engine('kv', path='secret')
client.sys.create_or_update_quota('q', path='secret/', rate=100.5, interval='2s')
assert client.sys.read_quota('q')['data']['rate'] == 100.5
assert client.sys.list_quotas()['data']['keys'] == ['q']
client.sys.delete_quota('q')
refused(exceptions.InvalidPath, client.sys.list_quotas)
print('quota')

# keys
assert client.sys.get_encryption_key_status()['data']['term'] == 1
client.sys.rotate_encryption_key()
assert client.sys.read_rekey_progress()['started'] is False
assert client.sys.read_root_generation_progress()['started'] is False
print('key')

# leases
refused(exceptions.InvalidRequest, lambda: client.sys.read_lease('none'), 'invalid lease')
refused(exceptions.InvalidPath, lambda: client.sys.list_leases('auth/none'))
refused(exceptions.InvalidRequest, lambda: client.sys.renew_lease('none'), 'lease not found')
client.sys.revoke_lease('none')
client.sys.revoke_prefix('auth/none')
client.sys.revoke_force('auth/none')
print('lease')

# wrapping
wrapped = client.sys.wrap({'a': 'b'}, ttl='60s')
assert client.sys.unwrap(wrapped['wrap_info']['token'])['data'] == {'a': 'b'}
refused(exceptions.InvalidRequest, lambda: client.sys.unwrap(wrapped['wrap_info']['token']), 'wrapping token is not valid')
print('wrapping')

# what there is none of
refused(exceptions.InvalidPath, client.sys.list_namespaces, 'no namespaces')
refused(exceptions.InvalidPath, lambda: client.sys.create_namespace('a'), 'no namespaces')
refused(exceptions.InvalidPath, lambda: client.sys.delete_namespace('a'), 'no namespaces')
refused(exceptions.InvalidPath, client.sys.read_raft_config, 'not raft')
refused(exceptions.InvalidPath, lambda: client.sys.remove_raft_node('a'), 'not raft')
refused(exceptions.InvalidPath, lambda: client.sys.join_raft_cluster('http://127.0.0.1:1'), 'not raft')
print('none')

# misc: what clients without a method for it read and write
assert client.write_data('sys/tools/hash', data={'input': 'YWJj'})['data']['sum'].startswith('ba7816bf')
assert client.read('sys/internal/ui/resultant-acl')['data']['root'] is True
assert client.read('sys/plugins/catalog')['data']['database'] is not None
client.write_data('sys/policies/password/p', data={'policy': 'length = 12\nrule "charset" { charset = "ab" }'})
assert len(client.read('sys/policies/password/p/generate')['data']['password']) == 12
assert client.read('sys/config/state/sanitized')['data']['storage']['type'] == 'lmdb'
assert client.read('sys/loggers')['data']['core'] == 'info'
print('misc')
