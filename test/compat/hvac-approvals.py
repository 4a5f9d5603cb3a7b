"""The Python client hvac, as it is published, asks for what needs an approval, and for the answer. Prints one line a part."""
import sys

import hvac

address, token = sys.argv[1], sys.stdin.read().strip()
root = hvac.Client(url=address, token=token)
root.sys.enable_auth_method('userpass')


def person(name, policies):
    root.auth.userpass.create_or_update_user(name, password='a password', policies=policies)
    client = hvac.Client(url=address)
    return client, client.auth.userpass.login(name, 'a password')['auth']['entity_id']


root.sys.create_or_update_policy('approver', 'path "sys/control-group/authorize" { capabilities = ["update"] }')
root.sys.create_or_update_policy('reader', '''
path "secret/data/prod" {
  capabilities = ["create", "update", "read"]
  control_group = {
    ttl = "4h"
    factor "leads" {
      identity {
        group_names = ["leads"]
        approvals = 2
      }
    }
  }
}
''')
assert 'control_group' in root.sys.read_policy('reader')['data']['rules']
root.secrets.kv.v2.create_or_update_secret('prod', {'password': 'hunter2'})
rose, rose_id = person('rose', ['reader'])
ann, ann_id = person('ann', ['approver'])
bob, bob_id = person('bob', ['approver'])
root.secrets.identity.create_or_update_group('leads', member_entity_ids=[ann_id, bob_id])
print('policies')

held = rose.read('secret/data/prod')
info = held['wrap_info']
assert held['data'] is None and info['ttl'] == 14400 and info['creation_path'] == 'secret/data/prod'
try:
    rose.sys.unwrap(info['token'])
    raise AssertionError('unwrapped before it was approved')
except hvac.exceptions.Forbidden as error:
    assert 'request needs further approval' in str(error)
print('held')

assert ann.write('sys/control-group/authorize', accessor=info['accessor'])['data'] == {'approved': False}
assert bob.write('sys/control-group/authorize', accessor=info['accessor'])['data'] == {'approved': True}
status = rose.write('sys/control-group/request', accessor=info['accessor'])['data']
assert status['approved'] is True and status['request_entity']['id'] == rose_id
assert {one['entity_id'] for one in status['authorizations']} == {ann_id, bob_id}
assert rose.sys.unwrap(info['token'])['data']['data'] == {'password': 'hunter2'}
try:
    rose.sys.unwrap(info['token'])
    raise AssertionError('unwrapped twice')
except hvac.exceptions.InvalidRequest:
    pass
print('unwrapped')

held = rose.secrets.kv.v2.create_or_update_secret('prod', {'password': 'changed'}, cas=1)
for approver in (ann, bob):
    approver.write('sys/control-group/authorize', accessor=held['wrap_info']['accessor'])
assert root.secrets.kv.v2.read_secret_version('prod', raise_on_deleted_version=True)['data']['metadata']['version'] == 1
alone = hvac.Client(url=address, token=held['wrap_info']['token'])
assert alone.sys.unwrap()['data']['version'] == 2
print('written')
