"""The Python client hvac, as it is published, uses all that it knows of the cert method."""
import os
import sys

import hvac

address, home, token = sys.argv[1], sys.argv[2], sys.stdin.read().strip()


def at(name):
    return os.path.join(home, name)


client = hvac.Client(url=address, token=token, verify=at('tls.crt'))
client.sys.enable_auth_method('cert', path='machines')
cert = client.auth.cert
where = {'mount_point': 'machines'}
cert.create_ca_certificate_role(
    'Web', certificate_file=at('root.crt'), allowed_common_names=['web', 'other'], display_name='the web',
    token_ttl='20m', token_policies=['reader'], token_type='service', **where)
role = cert.read_ca_certificate_role('web', **where)['data']
assert role['certificate'] == open(at('root.crt')).read() and role['allowed_common_names'] == ['web', 'other']
assert role['token_ttl'] == 1200 and role['display_name'] == 'the web'
assert cert.list_certificate_roles(**where)['data']['keys'] == ['web']
cert.configure_tls_certificate(disable_binding=True, **where)
machine = hvac.Client(url=address, verify=at('tls.crt'))
login = machine.auth.cert.login(
    name='web', cert_pem=at('client.crt'), key_pem=at('client.key'), **where)
assert login['auth']['metadata']['cert_name'] == 'web' and login['auth']['policies'] == ['default', 'reader']
assert machine.is_authenticated()
machine.auth.token.renew_self()
cert.configure_tls_certificate(disable_binding=False, **where)
try:
    machine.auth.token.renew_self()
    raise AssertionError('renewed without the certificate')
except hvac.exceptions.InvalidRequest:
    pass
bound = hvac.Client(url=address, verify=at('tls.crt'), cert=(at('client.crt'), at('client.key')), token=machine.token)
bound.auth.token.renew_self()
try:
    hvac.Client(url=address, verify=at('tls.crt')).auth.cert.login(
        cert_pem=at('stranger.crt'), key_pem=at('stranger.key'), **where)
    raise AssertionError('a stranger logged in')
except hvac.exceptions.InvalidRequest as refused:
    assert 'invalid certificate or no client certificate supplied' in str(refused)
cert.delete_certificate_role('web', **where)
try:
    cert.read_ca_certificate_role('web', **where)
    raise AssertionError('the role is still there')
except hvac.exceptions.InvalidPath:
    pass
print('cert')
