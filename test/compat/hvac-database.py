"""The Python client hvac, as it is published, uses all that it knows of the database engine. Prints one line a part."""
import json
import sys

import hvac

given = json.loads(sys.stdin.read())
client = hvac.Client(url=sys.argv[1], token=given['token'])


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


client.sys.enable_secrets_engine('database', path='db')
database = client.secrets.database
at = {'mount_point': 'db'}
refused(hvac.exceptions.InvalidPath, database.list_connections, **at)
database.configure(
    'main', plugin_name='postgresql-database-plugin', verify_connection=True, allowed_roles=['app', 'job'],
    root_rotation_statements=["ALTER ROLE \"{{username}}\" WITH PASSWORD '{{password}}'"], connection_url=given['url'],
    username=given['root'], password='first', max_open_connections=3, max_connection_lifetime='1h', **at)
assert database.list_connections(**at)['data']['keys'] == ['main']
shown = database.read_connection('main', **at)['data']
assert shown['plugin_name'] == 'postgresql-database-plugin' and shown['allowed_roles'] == ['app', 'job']
assert shown['connection_details']['username'] == given['root'] and 'password' not in shown['connection_details']
assert shown['connection_details']['max_open_connections'] == 3
refused(hvac.exceptions.InvalidRequest, database.configure, 'wrong', plugin_name='postgresql-database-plugin',
        connection_url=given['url'], username=given['root'], password='wrong', **at)
database.reset_connection('main', **at)
print('connection')

create = ["CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';",
          'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{{name}}";']
database.create_role('app', db_name='main', creation_statements=create, default_ttl='1h', max_ttl='24h', **at)
database.create_role('other', db_name='main', creation_statements=create, default_ttl=60, max_ttl=120,
                     revocation_statements=[], rollback_statements=[], renew_statements=[], **at)
role = database.read_role('app', **at)['data']
assert role['creation_statements'] == create and role['default_ttl'] == 3600 and role['max_ttl'] == 86400
assert database.list_roles(**at)['data']['keys'] == ['app', 'other']
database.delete_role('other', **at)
refused(hvac.exceptions.InvalidPath, database.read_role, 'other', **at)
print('role')

made = database.generate_credentials('app', **at)
assert made['lease_duration'] == 3600 and made['renewable'] is True
assert made['data']['username'].startswith('v-root-app-') and len(made['data']['password']) == 20
assert client.sys.renew_lease(made['lease_id'], increment=7200)['lease_duration'] == 7200
client.sys.revoke_lease(made['lease_id'])
refused(hvac.exceptions.InvalidRequest, client.sys.read_lease, made['lease_id'])
refused(hvac.exceptions.InvalidRequest, database.generate_credentials, 'nothing', **at)
print('credentials')

database.create_static_role('job', db_name='main', username=given['fixed'], rotation_statements=[], rotation_period=3600, **at)
assert database.list_static_roles(**at)['data']['keys'] == ['job']
static = database.read_static_role('job', **at)['data']
assert static['username'] == given['fixed'] and static['rotation_period'] == 3600
first = database.get_static_credentials('job', **at)['data']
assert first['username'] == given['fixed'] and 0 < first['ttl'] <= 3600 and first['last_vault_rotation']
database.rotate_static_role_credentials('job', **at)
assert database.get_static_credentials('job', **at)['data']['password'] != first['password']
database.delete_static_role('job', **at)
refused(hvac.exceptions.InvalidPath, database.read_static_role, 'job', **at)
print('static role')

database.rotate_root_credentials('main', **at)
again = database.generate_credentials('app', **at)
client.sys.revoke_prefix('db/creds')
database.delete_connection('main', **at)
refused(hvac.exceptions.InvalidPath, database.read_connection, 'main', **at)
print('rotation')
