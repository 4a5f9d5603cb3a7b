"""The Python client hvac, as it is published, on a table that is mounted: kv's second version, as far as a table has it."""
import sys

import hvac

client = hvac.Client(url=sys.argv[1], token=sys.argv[2])
kv = client.secrets.kv.v2
at = {'mount_point': 'shared'}


def refused(kind, call, *words, **named):
    try:
        call(*words, **named)
    except kind as error:
        return str(error)
    raise AssertionError(f'{call.__name__} was not refused')


first = kv.create_or_update_secret('py/db', secret={'user': 'app', 'n': 7}, cas=0, **at)['data']
assert (first['version'], first['destroyed']) == (1, False)
refused(hvac.exceptions.InvalidRequest, kv.create_or_update_secret, 'py/db', secret={'a': 'b'}, cas=0, **at)
kv.patch('py/db', secret={'n': 8}, **at)
read = kv.read_secret_version('py/db', raise_on_deleted_version=True, **at)['data']
assert (read['data'], read['metadata']['version']) == ({'user': 'app', 'n': 8}, 2)
assert kv.read_secret_version('py/db', version=1, raise_on_deleted_version=True, **at)['data']['data']['n'] == 7
assert kv.list_secrets('', **at)['data']['keys'] == ['py/']
kv.delete_latest_version_of_secret('py/db', **at)
refused(hvac.exceptions.InvalidPath, kv.read_secret_version, 'py/db', raise_on_deleted_version=True, **at)
kv.undelete_secret_versions('py/db', versions=[2], **at)
kv.destroy_secret_versions('py/db', versions=[1], **at)
metadata = kv.read_secret_metadata('py/db', **at)['data']
assert (metadata['current_version'], list(metadata['versions'])) == (2, ['2'])
kv.delete_metadata_and_all_versions('py/db', **at)
refused(hvac.exceptions.InvalidPath, kv.read_secret_metadata, 'py/db', **at)
print('table')
