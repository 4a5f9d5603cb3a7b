"""The Python client hvac, as it is published, uses all that it knows of AppRole and userpass. Prints one line a part."""
import sys

import hvac

address, token = sys.argv[1], sys.stdin.read().strip()
client = hvac.Client(url=address, token=token)
client.sys.create_or_update_policy('reader', 'path "secret/data/*" { capabilities = ["read"] }')


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


client.sys.enable_auth_method('approle', path='machines')
approle = client.auth.approle
at = {'mount_point': 'machines'}
approle.create_or_update_approle(
    'Web', token_policies=['reader'], token_ttl='20m', token_max_ttl='1h', secret_id_num_uses=3, secret_id_ttl='10m',
    token_bound_cidrs=['127.0.0.0/8'], secret_id_bound_cidrs=['127.0.0.0/8'], token_type='service', **at)
role = approle.read_role('web', **at)['data']
assert role['token_policies'] == ['reader'] and role['token_ttl'] == 1200 and role['secret_id_ttl'] == 600
assert approle.list_roles(**at)['data']['keys'] == ['web']
approle.update_role_id('web', 'the-web-role', **at)
assert approle.read_role_id('web', **at)['data']['role_id'] == 'the-web-role'
made = approle.generate_secret_id('web', metadata={'host': 'a'}, cidr_list=['127.0.0.1/32'], **at)['data']
custom = approle.create_custom_secret_id('web', 'a-secret-id-of-my-own', metadata={'host': 'b'}, **at)['data']
assert custom['secret_id'] == 'a-secret-id-of-my-own'
assert set(approle.list_secret_id_accessors('web', **at)['data']['keys']) == {
    made['secret_id_accessor'], custom['secret_id_accessor']}
found = approle.read_secret_id('web', made['secret_id'], **at)['data']
assert found['metadata'] == {'host': 'a'} and found['secret_id_num_uses'] == 3 and found['cidr_list'] == ['127.0.0.1/32']
assert approle.read_secret_id_accessor('web', custom['secret_id_accessor'], **at)['data']['metadata'] == {'host': 'b'}
application = hvac.Client(url=address)
login = application.auth.approle.login('the-web-role', made['secret_id'], **at)
assert login['auth']['metadata'] == {'role_name': 'web', 'host': 'a'} and login['auth']['lease_duration'] == 1200
assert application.is_authenticated()
approle.destroy_secret_id('web', made['secret_id'], **at)
approle.destroy_secret_id_accessor('web', custom['secret_id_accessor'], **at)
refused(hvac.exceptions.InvalidPath, approle.list_secret_id_accessors, 'web', **at)
refused(hvac.exceptions.InvalidRequest, application.auth.approle.login, 'the-web-role', made['secret_id'], **at)
wrapped = approle.generate_secret_id('web', wrap_ttl='60s', **at)['wrap_info']
handed_over = hvac.Client(url=address, token=wrapped['token']).sys.unwrap()['data']
assert handed_over['secret_id_accessor'] == wrapped['wrapped_accessor']
application.auth.approle.login('the-web-role', handed_over['secret_id'], **at)
client.write('auth/machines/role/web/token-ttl', token_ttl='5m')
assert client.read('auth/machines/role/web/token-ttl')['data'] == {'token_ttl': 300}
client.delete('auth/machines/role/web/token-ttl')
assert client.read('auth/machines/role/web/token-ttl')['data'] == {'token_ttl': 0}
assert client.write('auth/machines/tidy/secret-id').status_code == 202
approle.delete_role('web', **at)
refused(hvac.exceptions.InvalidPath, approle.read_role, 'web', **at)
print('approle')

client.sys.enable_auth_method('userpass')
userpass = client.auth.userpass
userpass.create_or_update_user('Alice', password='first', policies='reader', token_ttl='20m')
assert userpass.list_user()['data']['keys'] == ['alice']
alice = userpass.read_user('alice')['data']
assert alice['token_policies'] == ['reader'] and alice['policies'] == ['reader'] and 'password' not in alice
person = hvac.Client(url=address)
login = person.auth.userpass.login('alice', 'first')
assert login['auth']['metadata'] == {'username': 'alice'} and login['auth']['policies'] == ['default', 'reader']
assert person.is_authenticated()
assert person.auth.token.lookup_self()['data']['display_name'] == 'userpass-alice'
userpass.update_password_on_user('alice', 'second')
refused(hvac.exceptions.InvalidRequest, hvac.Client(url=address).auth.userpass.login, 'alice', 'first')
person.auth.userpass.login('ALICE', 'second')
for _ in range(4):
    refused(hvac.exceptions.InvalidRequest, hvac.Client(url=address).auth.userpass.login, 'alice', 'guess')
refused(hvac.exceptions.InvalidRequest, hvac.Client(url=address).auth.userpass.login, 'alice', 'guess')
refused(hvac.exceptions.Forbidden, hvac.Client(url=address).auth.userpass.login, 'alice', 'second')
locked = client.read('sys/locked-users')['data']['by_namespace'][0]['mount_accessors'][0]
assert locked['alias_identifiers'] == ['alice']
client.write(f"sys/locked-users/{locked['mount_accessor']}/unlock/alice")
person.auth.userpass.login('alice', 'second')
userpass.delete_user('alice')
refused(hvac.exceptions.InvalidPath, userpass.read_user, 'alice')
refused(hvac.exceptions.InvalidRequest, person.auth.userpass.login, 'alice', 'second')
print('userpass')
