"""The Python client hvac, as it is published, at secrets that list who may read them."""
import sys

import hvac

at = {'mount_point': 'roles'}
ann = hvac.Client(url=sys.argv[1], token=sys.argv[2])
admin = hvac.Client(url=sys.argv[1], token=sys.argv[3])
kv = ann.secrets.kv.v2

read = kv.read_secret_version('py/db', raise_on_deleted_version=True, **at)['data']
assert (read['data'], read['metadata']['version']) == ({'user': 'app'}, 1)
assert kv.list_secrets('py', **at)['data']['keys'] == ['db']
assert kv.read_secret_metadata('py/db', **at)['data']['current_version'] == 1
for name in ('py/nothing', 'py/other'):
    try:
        kv.read_secret_version(name, raise_on_deleted_version=True, **at)
    except hvac.exceptions.Forbidden:
        continue
    raise AssertionError(f'{name} was not refused')

written = admin.secrets.kv.v2.create_or_update_secret('py/db', secret={'user': 'b'}, cas=1, **at)['data']
assert written['version'] == 2
shown = admin.write_data('roles/roles/py/db', data={'remove': ['userpass/ann']})['data']
assert shown['roles'] == []
try:
    kv.read_secret_version('py/db', raise_on_deleted_version=True, **at)
except hvac.exceptions.Forbidden:
    print('read')
