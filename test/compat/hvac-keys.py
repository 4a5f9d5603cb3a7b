"""The Python client hvac, as it is published, rekeys, makes a root token and rotates. Prints one line a step."""
import base64
import sys

import hvac

client = hvac.Client(url=sys.argv[1])
made = client.sys.initialize(secret_shares=3, secret_threshold=2)
client.sys.submit_unseal_keys(made['keys'][:2])
client.token = made['root_token']

assert client.sys.get_encryption_key_status()['data']['term'] == 1
client.sys.rotate_encryption_key()
assert client.sys.get_encryption_key_status()['data']['term'] == 2
print('rotate')

assert client.sys.read_root_generation_progress()['started'] is False
otp = 'RSMGkAqBH5WnVLrDTbZ+UQxxxxxx'
begun = client.sys.start_root_token_generation(otp=otp)
assert begun['started'] is True and begun['required'] == 2 and begun['otp_length'] == 28
client.sys.cancel_root_generation()
assert client.sys.read_root_generation_progress()['started'] is False
begun = client.sys.start_root_token_generation(otp=otp)
progress = client.sys.generate_root(key=made['keys'][0], nonce=begun['nonce'])
assert progress['progress'] == 1 and progress['complete'] is False
last = client.sys.generate_root(key=made['keys'][1], nonce=begun['nonce'])
assert last['complete'] is True
encoded = last['encoded_root_token']
encoded += '=' * (-len(encoded) % 4)
token = bytes(a ^ b for a, b in zip(base64.b64decode(encoded), otp.encode())).decode()
assert hvac.Client(url=sys.argv[1], token=token).lookup_token()['data']['policies'] == ['root']
print('generate-root')

assert client.sys.read_rekey_progress()['started'] is False
begun = client.sys.start_rekey(secret_shares=1, secret_threshold=1)
assert begun['started'] is True and begun['required'] == 2
client.sys.cancel_rekey()
assert client.sys.read_rekey_progress()['started'] is False
begun = client.sys.start_rekey(secret_shares=3, secret_threshold=2, require_verification=True)
assert begun['verification_required'] is True
done = client.sys.rekey_multi(made['keys'][:2], nonce=begun['nonce'])
assert done['complete'] is True and len(done['keys']) == 3
verifying = client.sys.read_rekey_verify_progress()
assert verifying['started'] is True and verifying['nonce'] == done['verification_nonce']
restarted = client.sys.cancel_rekey_verify()
assert restarted['started'] is True and restarted['nonce'] != done['verification_nonce']
verified = client.sys.rekey_verify_multi(done['keys'][1:], nonce=restarted['nonce'])
assert verified['complete'] is True
try:
    client.sys.read_backup_keys()
    raise AssertionError('there are backed-up keys')
except hvac.exceptions.InvalidRequest as error:
    assert 'no backed-up keys found' in str(error)
client.sys.seal()
client.sys.submit_unseal_keys(done['keys'][:2])
assert not client.sys.is_sealed()
print('rekey')
