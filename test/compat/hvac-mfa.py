"""The Python client hvac has no calls of its own for login MFA: it goes by its general ones."""
import base64
import hashlib
import hmac
import struct
import sys
import time
from urllib.parse import parse_qs, urlparse

import hvac

address, token = sys.argv[1], sys.stdin.read().strip()
client = hvac.Client(url=address, token=token)
client.sys.enable_auth_method('userpass', path='staff')
client.auth.userpass.create_or_update_user('dee', password='p', mount_point='staff')
accessor = client.sys.list_auth_methods()['staff/']['accessor']


def code(url):
    secret = base64.b32decode(parse_qs(urlparse(url).query)['secret'][0])
    mac = hmac.new(secret, struct.pack('>Q', int(time.time()) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return str((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 10 ** 6).zfill(6)


method = client.write('identity/mfa/method/totp', issuer='Coffer')['data']['method_id']
assert method in client.list('identity/mfa/method/totp')['data']['keys']
assert client.read(f'identity/mfa/method/totp/{method}')['data']['digits'] == 6
client.delete('identity/mfa/login-enforcement/people')
person = hvac.Client(url=address)
entity = person.auth.userpass.login('dee', 'p', mount_point='staff')['auth']['entity_id']
url = client.write('identity/mfa/method/totp/admin-generate', method_id=method, entity_id=entity)['data']['url']
client.write('identity/mfa/login-enforcement/staff', mfa_method_ids=[method], auth_method_accessors=[accessor])
assert client.read('identity/mfa/login-enforcement/staff')['data']['auth_method_accessors'] == [accessor]
first = person.auth.userpass.login('dee', 'p', mount_point='staff', use_token=False)['auth']
assert first['client_token'] == ''
request = first['mfa_requirement']['mfa_request_id']
second = hvac.Client(url=address).write_data(
    'sys/mfa/validate', data={'mfa_request_id': request, 'mfa_payload': {method: [code(url)]}})
assert hvac.Client(url=address, token=second['auth']['client_token']).is_authenticated()
print('mfa')
