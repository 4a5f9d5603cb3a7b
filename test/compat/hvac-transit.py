"""The Python client hvac, as it is published, walks the transit engine. Prints one line a step."""
import base64
import os
import sys

import hvac

client = hvac.Client(url=sys.argv[1], token=os.environ['HVAC_TOKEN'])
client.sys.enable_secrets_engine('transit')
transit = client.secrets.transit


def b64(text):
    return base64.b64encode(text.encode()).decode()


def refused(text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except hvac.exceptions.InvalidRequest as error:
        assert text in str(error), str(error)
        return
    raise AssertionError('not refused: ' + text)


transit.create_key(name='app', exportable=True)
assert transit.read_key(name='app')['data']['name'] == 'app'
assert transit.list_keys()['data']['keys'] == ['app']
transit.rotate_key(name='app')
assert transit.read_key(name='app')['data']['latest_version'] == 2
assert len(transit.export_key(name='app', key_type='hmac-key')['data']['keys']) == 2
print('keys')

plaintext = b64('hi itsame hvac')
sealed = transit.encrypt_data(name='app', plaintext=plaintext)['data']['ciphertext']
assert sealed.startswith('vault:v2:')
assert transit.decrypt_data(name='app', ciphertext=sealed)['data']['plaintext'] == plaintext
old = transit.encrypt_data(name='app', plaintext=plaintext, key_version=1)['data']['ciphertext']
assert transit.rewrap_data(name='app', ciphertext=old)['data']['ciphertext'].startswith('vault:v2:')
batch = [{'plaintext': plaintext}, {'plaintext': b64('two')}]
results = transit.encrypt_data(name='app', batch_input=batch)['data']['batch_results']
opened = transit.decrypt_data(name='app', batch_input=[{'ciphertext': one['ciphertext']} for one in results])
assert [one['plaintext'] for one in opened['data']['batch_results']] == [plaintext, b64('two')]
refused('cipher: message authentication failed', transit.decrypt_data, name='app', ciphertext=sealed[:9] + 'A' * 64)
print('encrypt')

assert 'plaintext' in transit.generate_data_key(name='app', key_type='plaintext')['data']
assert 'plaintext' not in transit.generate_data_key(name='app', key_type='wrapped')['data']
assert len(base64.b64decode(transit.generate_random_bytes(n_bytes=48)['data']['random_bytes'])) == 48
assert len(transit.hash_data(hash_input=b64('abc'), algorithm='sha2-512')['data']['sum']) == 128
print('tools')

mac = transit.generate_hmac(name='app', hash_input=b64('abc'), algorithm='sha2-256')['data']['hmac']
verified = transit.verify_signed_data(name='app', hash_input=b64('abc'), hmac=mac)
assert verified['data']['valid'] is True
for kind in ['ed25519', 'ecdsa-p256', 'rsa-2048']:
    transit.create_key(name=kind, key_type=kind)
    signature = transit.sign_data(name=kind, hash_input=b64('abc'))['data']['signature']
    assert transit.verify_signed_data(name=kind, hash_input=b64('abc'), signature=signature)['data']['valid'] is True
    assert transit.verify_signed_data(name=kind, hash_input=b64('abd'), signature=signature)['data']['valid'] is False
print('sign')

refused('plaintext backup is disallowed on the policy', transit.backup_key, name='app')
transit.update_key_configuration(name='app', allow_plaintext_backup=True, deletion_allowed=True)
backup = transit.backup_key(name='app')['data']['backup']
refused('already exists', transit.restore_key, backup=backup)
transit.delete_key(name='app')
transit.restore_key(backup=backup)
assert transit.decrypt_data(name='app', ciphertext=sealed)['data']['plaintext'] == plaintext
transit.rotate_key(name='app')
transit.update_key_configuration(name='app', min_decryption_version=2, min_encryption_version=3)
transit.trim_key(name='app', min_version=2)
assert transit.read_key(name='app')['data']['min_available_version'] == 2
refused('too old', transit.decrypt_data, name='app', ciphertext=old)
print('backup')

client.sys.enable_secrets_engine('totp')
client.write_data('totp/keys/ann', data={'generate': True, 'issuer': 'Acme', 'account_name': 'ann'})
code = client.read('totp/code/ann')['data']['code']
assert client.write_data('totp/code/ann', data={'code': code})['data']['valid'] is True
refused('code already used', client.write_data, 'totp/code/ann', data={'code': code})
print('totp')
