"""The Python client hvac, as it is published, with mounts, auth methods, leases and wrapping. Prints one line a step."""
import sys

import hvac

client = hvac.Client(url=sys.argv[1], token=sys.argv[2])
sys_api = client.sys


def refused(action, text, kind=hvac.exceptions.InvalidRequest):
    try:
        action()
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f'not refused: {text}')


# Mounts.
sys_api.enable_secrets_engine(
    'kv',
    path='team/kv',
    description='of a team',
    config={'default_lease_ttl': '1h', 'max_lease_ttl': '24h', 'force_no_cache': False},
    options={'version': 1},
    local=False,
    seal_wrap=False,
)
mounts = sys_api.list_mounted_secrets_engines()
assert mounts['data']['team/kv/']['options'] == {'version': '1'}
assert mounts['team/kv/']['config']['default_lease_ttl'] == 3600
assert sys_api.retrieve_mount_option('team/kv', 'version') == '1'
assert sys_api.retrieve_mount_option('team/kv', 'none', 'other') == 'other'
read = sys_api.read_mount_configuration('team/kv')['data']
assert (read['default_lease_ttl'], read['max_lease_ttl']) == (3600, 86400)
tuned = sys_api.tune_mount_configuration(
    path='team/kv',
    default_lease_ttl='3600s',
    max_lease_ttl='8600s',
    description='renamed',
    audit_non_hmac_request_keys=['comment'],
    audit_non_hmac_response_keys='comment,owner',
    listing_visibility='unauth',
    passthrough_request_headers='X-One,X-Two',
    force_no_cache=True,
)
assert tuned.status_code == 204
read = sys_api.read_mount_configuration('team/kv')
assert read['data']['max_lease_ttl'] == 8600
assert read['data']['description'] == 'renamed'
assert read['data']['audit_non_hmac_request_keys'] == ['comment']
assert read['data']['audit_non_hmac_response_keys'] == ['comment', 'owner']
assert read['data']['listing_visibility'] == 'unauth'
assert read['data']['passthrough_request_headers'] == ['X-One', 'X-Two']
assert read['data']['force_no_cache'] is True
sys_api.tune_mount_configuration('team/kv', options={'version': '2'})
assert sys_api.retrieve_mount_option('team/kv', 'version') == '2'
refused(lambda: sys_api.enable_secrets_engine('kv', path='team'), 'path is already in use at team/kv/')
refused(lambda: sys_api.enable_secrets_engine('nonsense'), 'plugin not found')
refused(lambda: sys_api.read_mount_configuration('nowhere'), 'No secret engine mount at nowhere/')
print('mounts')

# Moving one.
client.secrets.kv.v2.create_or_update_secret('app', {'word': 'kept'}, mount_point='team/kv')
moved = sys_api.move_backend('team/kv', 'other/kv')
migration = moved['migration_id']
assert moved['data']['migration_id'] == migration and moved['warnings']
mounts = sys_api.list_mounted_secrets_engines()['data']
assert 'other/kv/' in mounts and 'team/kv/' not in mounts
secret = client.secrets.kv.v2.read_secret_version('app', mount_point='other/kv', raise_on_deleted_version=True)
assert secret['data']['data'] == {'word': 'kept'}
status = client.read(f'sys/remount/status/{migration}')['data']['migration_info']
assert status == {'source_mount': 'team/kv/', 'target_mount': 'other/kv/', 'status': 'success'}
refused(lambda: sys_api.move_backend('nowhere', 'x'), 'no matching mount at')
refused(lambda: sys_api.move_backend('sys', 'x'), 'cannot remount')
assert sys_api.disable_secrets_engine('other/kv').status_code == 204
assert sys_api.disable_secrets_engine('other/kv').status_code == 204
assert 'other/kv/' not in sys_api.list_mounted_secrets_engines()['data']
refused(lambda: sys_api.disable_secrets_engine('sys'), 'cannot unmount')
print('move')

# Auth methods.
sys_api.enable_auth_method('userpass', path='people', description='people', config={'default_lease_ttl': '2h'})
methods = sys_api.list_auth_methods()
assert methods['data']['people/']['type'] == 'userpass' and 'people/' in methods
assert methods['data']['people/']['config']['token_type'] == 'default-service'
sys_api.tune_auth_method(
    path='people',
    default_lease_ttl='1h',
    max_lease_ttl='24h',
    description='tuned',
    audit_non_hmac_request_keys=['username'],
    audit_non_hmac_response_keys=['username'],
    listing_visibility='unauth',
    passthrough_request_headers=['X-One'],
)
tuning = sys_api.read_auth_method_tuning('people')['data']
assert (tuning['default_lease_ttl'], tuning['max_lease_ttl']) == (3600, 86400)
assert tuning['token_type'] == 'default-service' and tuning['description'] == 'tuned'
refused(lambda: sys_api.enable_auth_method('userpass', path='people'), 'path is already in use at people/')
sys_api.move_backend('auth/people', 'auth/staff')
assert 'staff/' in sys_api.list_auth_methods()['data']
sys_api.disable_auth_method('staff')
assert 'staff/' not in sys_api.list_auth_methods()['data']
print('auth')

# Leases.
sys_api.enable_secrets_engine('leased', path='db')
made = [client.read(f'db/creds/{name}') for name in ('app', 'app', 'web')]
lease = made[0]['lease_id']
assert lease.startswith('db/creds/app/') and made[0]['renewable'] is True
looked = sys_api.read_lease(lease)['data']
assert looked['id'] == lease and looked['renewable'] is True and looked['last_renewal'] is None
assert looked['ttl'] == 2764800
assert len(sys_api.list_leases('db/creds/app')['data']['keys']) == 2
assert sys_api.list_leases('db/creds')['data']['keys'] == ['app/', 'web/']
renewed = sys_api.renew_lease(lease, increment=600)
assert renewed['lease_id'] == lease and renewed['lease_duration'] == 600 and renewed['renewable'] is True
assert sys_api.read_lease(lease)['data']['last_renewal'] is not None
assert sys_api.revoke_lease(lease).status_code == 204
assert sys_api.revoke_lease(lease).status_code == 204
refused(lambda: sys_api.read_lease(lease), 'invalid lease')
refused(lambda: sys_api.renew_lease(lease), 'lease not found')
sys_api.move_backend('db', 'data')
assert sys_api.renew_lease(made[1]['lease_id'])['lease_id'] == made[1]['lease_id']
assert sys_api.revoke_prefix('data/creds/app').status_code == 204
refused(lambda: sys_api.list_leases('db/creds/app'), '', hvac.exceptions.InvalidPath)
assert sys_api.revoke_force('data').status_code == 204
refused(lambda: sys_api.list_leases('db'), '', hvac.exceptions.InvalidPath)
assert client.read('sys/leases?type=irrevocable')['data']['lease_count'] == 0
assert client.read('sys/leases/count?type=irrevocable')['data'] == {'lease_count': 0, 'counts': {}}
assert client.write_data('sys/leases/tidy').status_code == 202
print('leases')

# Wrapping.
wrap = sys_api.wrap(payload={'word': 'wrapped', 'number': 42}, ttl=120)
info = wrap['wrap_info']
assert info['ttl'] == 120 and info['creation_path'] == 'sys/wrapping/wrap' and wrap['data'] is None
about = client.write_data('sys/wrapping/lookup', data={'token': info['token']})['data']
assert about['creation_ttl'] == 120 and about['creation_path'] == 'sys/wrapping/wrap'
again = client.write_data('sys/wrapping/rewrap', data={'token': info['token']})['wrap_info']
refused(lambda: sys_api.unwrap(info['token']), 'wrapping token is not valid or does not exist')
assert sys_api.unwrap(again['token'])['data'] == {'word': 'wrapped', 'number': 42}
refused(lambda: sys_api.unwrap(again['token']), 'wrapping token is not valid or does not exist')
own = sys_api.wrap(payload={'a': 1})['wrap_info']['token']
assert hvac.Client(url=sys.argv[1], token=own).sys.unwrap()['data'] == {'a': 1}
empty = sys_api.wrap()
assert sys_api.unwrap(empty['wrap_info']['token'])['data'] == {}
token = client.auth.token.create(policies=['default'], wrap_ttl='60s')['wrap_info']
unwrapped = sys_api.unwrap(token['token'])['auth']
assert unwrapped['accessor'] == token['wrapped_accessor']
print('wrapping')
