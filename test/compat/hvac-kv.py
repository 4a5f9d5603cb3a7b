"""The Python client hvac, as it is published, on kv of both versions. Prints one line a step; any surprise ends it with a traceback."""
import sys

import hvac

client = hvac.Client(url=sys.argv[1], token=sys.argv[2])
exceptions = hvac.exceptions


def refused(kind, call, *words, **named):
    try:
        call(*words, **named)
    except kind as error:
        return str(error)
    raise AssertionError(f'{call.__name__} was not refused')


for path, kind, options in [('plain', 'kv', None), ('one', 'kv', {'version': 1}), ('old', 'generic', None), ('alias', 'kv-v1', None)]:
    client.sys.enable_secrets_engine(kind, path=path, options=options)
mounts = client.sys.list_mounted_secrets_engines()['data']
assert mounts['old/']['type'] == 'generic'
assert mounts['one/']['options'] == {'version': '1'} == mounts['alias/']['options']
assert (mounts['plain/']['type'], mounts['plain/']['options']) == ('kv', None)
kv = client.secrets.kv.v1
for mount in ['plain', 'one', 'old', 'alias']:
    refused(exceptions.InvalidPath, kv.read_secret, 'db', mount_point=mount)
    refused(exceptions.InvalidPath, kv.list_secrets, '', mount_point=mount)
    kv.create_or_update_secret('db', secret={'password': 'p1', 'n': 7}, mount_point=mount)
    kv.create_or_update_secret('db', secret={'password': 'p2', 'ttl': '30m'}, mount_point=mount)
    kv.create_or_update_secret('folder/db', secret={'deep': {'list': [1, None]}}, method='PUT', mount_point=mount)
    answer = kv.read_secret('db', mount_point=mount)
    assert (answer['data'], answer['lease_duration']) == ({'password': 'p2', 'ttl': '30m'}, 1800)
    assert (answer['lease_id'], answer['renewable']) == ('', False)
    assert kv.read_secret('folder/db', mount_point=mount)['lease_duration'] == 2764800
    assert kv.list_secrets('', mount_point=mount)['data']['keys'] == ['db', 'folder/']
    refused(exceptions.InvalidRequest, kv.create_or_update_secret, 'x', secret={}, method='POST', mount_point=mount)
    kv.delete_secret('folder/db', mount_point=mount)
    kv.delete_secret('folder/db', mount_point=mount)
    assert kv.list_secrets('', mount_point=mount)['data']['keys'] == ['db']
print('version 1')

client.sys.tune_mount_configuration('plain', default_lease_ttl='20m', description='tuned')
assert client.sys.read_mount_configuration('plain')['data']['default_lease_ttl'] == 1200
client.sys.tune_mount_configuration('plain', options={'version': 2})
assert client.sys.list_mounted_secrets_engines()['data']['plain/']['options'] == {'version': '2'}
kv = client.secrets.kv.v2
upgraded = kv.read_secret_version('db', mount_point='plain', raise_on_deleted_version=True)['data']
assert (upgraded['data'], upgraded['metadata']['version']) == ({'password': 'p2', 'ttl': '30m'}, 1)
refused(exceptions.InvalidPath, client.secrets.kv.v1.read_secret, 'db', mount_point='plain')
print('upgrade')

client.sys.enable_secrets_engine('kv-v2', path='team')
at = {'mount_point': 'team'}
assert kv.read_configuration(**at)['data'] == {'max_versions': 0, 'cas_required': False, 'delete_version_after': '0s'}
kv.configure(max_versions=3, cas_required=True, delete_version_after='3h25m19s', **at)
assert kv.read_configuration(**at)['data'] == {'max_versions': 3, 'cas_required': True, 'delete_version_after': '3h25m19s'}
assert 'check-and-set parameter required' in refused(exceptions.InvalidRequest, kv.create_or_update_secret, 'db', secret={}, **at)
kv.configure(max_versions=3, cas_required=False, delete_version_after='0s', **at)
print('settings')

for version in range(1, 6):
    made = kv.create_or_update_secret('db', secret={'v': version, 'deep': {'x': version}}, cas=version - 1, **at)['data']
    assert (made['version'], made['deletion_time'], made['destroyed']) == (version, '', False)
metadata = kv.read_secret_metadata('db', **at)['data']
assert (metadata['current_version'], metadata['oldest_version'], sorted(metadata['versions'])) == (5, 3, ['3', '4', '5'])
refused(exceptions.InvalidPath, kv.read_secret_version, 'db', version=2, raise_on_deleted_version=True, **at)
kv.patch('db', secret={'more': True}, **at)
assert kv.read_secret_version('db', raise_on_deleted_version=True, **at)['data']['data'] == {'v': 5, 'deep': {'x': 5}, 'more': True}
merge = {'Content-Type': 'application/merge-patch+json'}
patched = client.adapter.request('patch', '/v1/team/data/db', headers=merge, json={'data': {'more': None, 'deep': {'y': 1}}, 'options': {'cas': 6}})
assert patched['data']['version'] == 7
assert kv.read_secret_version('db', raise_on_deleted_version=True, **at)['data']['data'] == {'v': 5, 'deep': {'x': 5, 'y': 1}}
subkeys = client.adapter.get('/v1/team/subkeys/db', params={'depth': 1})['data']
assert (subkeys['subkeys'], subkeys['metadata']['version']) == ({'v': None, 'deep': None}, 7)
print('versions')

kv.delete_latest_version_of_secret('db', **at)
gone = kv.read_secret_version('db', raise_on_deleted_version=False, **at)['data']
assert gone['data'] is None and gone['metadata']['deletion_time'] != ''
kv.undelete_secret_versions('db', versions=[7], **at)
kv.delete_secret_versions('db', versions=[5, 6, 99], **at)
kv.destroy_secret_versions('db', versions=[5], **at)
kv.undelete_secret_versions('db', versions=[5, 6], **at)
assert kv.read_secret_version('db', version=6, raise_on_deleted_version=True, **at)['data']['data']['more'] is True
destroyed = kv.read_secret_version('db', version=5, raise_on_deleted_version=False, **at)['data']
assert destroyed['data'] is None and destroyed['metadata']['destroyed'] is True
print('deletions')

kv.update_metadata('db', max_versions=2, cas_required=True, delete_version_after='90s', custom_metadata={'owner': 'web'}, **at)
metadata = kv.read_secret_metadata('db', **at)['data']
assert (metadata['max_versions'], metadata['cas_required'], metadata['delete_version_after']) == (2, True, '1m30s')
assert metadata['custom_metadata'] == {'owner': 'web'}
client.adapter.request('patch', '/v1/team/metadata/db', headers=merge, json={'custom_metadata': {'owner': None, 'team': 'web'}})
assert kv.read_secret_metadata('db', **at)['data']['custom_metadata'] == {'team': 'web'}
assert kv.create_or_update_secret('db', secret={}, cas=7, **at)['data']['deletion_time'] != ''
kv.create_or_update_secret('a/b/c', secret={'x': 1}, **at)
assert kv.list_secrets('', **at)['data']['keys'] == ['a/', 'db']
assert client.adapter.get('/v1/team/metadata/', params={'scan': 'true'})['data']['keys'] == ['a/b/c', 'db']
kv.delete_metadata_and_all_versions('db', **at)
refused(exceptions.InvalidPath, kv.read_secret_metadata, 'db', **at)
assert kv.create_or_update_secret('db', secret={}, cas=0, **at)['data']['version'] == 1
print('metadata')
