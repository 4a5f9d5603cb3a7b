"""The Python client hvac, as it is published, uses all that it knows of jwt, oidc and kubernetes. Prints one line a part."""
import json
import sys
from urllib.parse import parse_qs, urlparse

import hvac
import requests

given = json.load(sys.stdin)
address = given['address']
client = hvac.Client(url=address, token=given['token'])
redirect = 'http://localhost:8250/oidc/callback'


def refused(kind, action, *args, **kwargs):
    try:
        action(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f'{action.__name__} was not refused')


client.sys.enable_auth_method('jwt', path='builds')
jwt = client.auth.jwt
refused(hvac.exceptions.InvalidPath, jwt.read_config, path='builds')
jwt.configure(jwks_url=given['jwks_url'], bound_issuer=given['issuer'], default_role='build', path='builds')
assert jwt.read_config(path='builds')['data']['jwks_url'] == given['jwks_url']
jwt.create_role(
    'Build', user_claim='sub', allowed_redirect_uris=[], role_type='jwt', bound_audiences=['coffer'],
    bound_claims={'ref': ['refs/heads/main']}, claim_mappings={'ref': 'ref'}, token_policies=['build'],
    token_ttl='20m', clock_skew_leeway=30, path='builds')
role = jwt.read_role('build', path='builds')['data']
assert role['role_type'] == 'jwt' and role['bound_claims'] == {'ref': ['refs/heads/main']} and role['token_ttl'] == 1200
assert jwt.list_roles(path='builds')['data']['keys'] == ['build']
builder = hvac.Client(url=address)
login = builder.auth.jwt.jwt_login('build', given['jwt'], path='builds')
assert login['auth']['metadata'] == {'role': 'build', 'ref': 'refs/heads/main'}, login
assert login['auth']['policies'] == ['build', 'default'] and login['auth']['lease_duration'] == 1200
assert builder.is_authenticated()
assert builder.lookup_token()['data']['display_name'] == 'builds-project-7'
refused(hvac.exceptions.InvalidRequest, builder.auth.jwt.jwt_login, 'build', given['jwt'] + 'x', path='builds')
refused(hvac.exceptions.InvalidRequest, jwt.configure, jwks_url=given['jwks_url'] + '/none', path='builds')
jwt.delete_role('build', path='builds')
refused(hvac.exceptions.InvalidPath, jwt.read_role, 'build', path='builds')
print('jwt')

client.sys.enable_auth_method('oidc')
oidc = client.auth.oidc
oidc.configure(
    oidc_discovery_url=given['issuer'], oidc_client_id=given['client_id'], oidc_client_secret=given['client_secret'],
    default_role='people', path='oidc')
assert 'oidc_client_secret' not in oidc.read_config(path='oidc')['data']
oidc.create_role(
    'people', user_claim='email', allowed_redirect_uris=[redirect], oidc_scopes=['email'], token_policies=['people'])
begun = oidc.oidc_authorization_url_request('people', redirect, path='oidc')
url = begun['data']['auth_url']
sent_on = requests.get(url, allow_redirects=False)
back = parse_qs(urlparse(sent_on.headers['Location']).query)
nonce = parse_qs(urlparse(url).query)['nonce'][0]
person = hvac.Client(url=address)
login = person.auth.oidc.oidc_callback(back['state'][0], nonce, back['code'][0], path='oidc')
assert login['auth']['policies'] == ['default', 'people'], login
person.token = login['auth']['client_token']
assert person.lookup_token()['data']['display_name'] == 'oidc-ann@example.com'
refused(hvac.exceptions.InvalidRequest, person.auth.oidc.oidc_callback, back['state'][0], nonce, back['code'][0], path='oidc')
assert oidc.oidc_authorization_url_request('people', 'https://evil.example/', path='oidc')['data']['auth_url'] == ''
print('oidc')

client.sys.enable_auth_method('kubernetes')
kubernetes = client.auth.kubernetes
kubernetes.configure(
    kubernetes_host=given['kubernetes_host'], kubernetes_ca_cert=given['kubernetes_ca'],
    token_reviewer_jwt=given['reviewer'])
config = kubernetes.read_config()
assert config['kubernetes_host'] == given['kubernetes_host'] and 'token_reviewer_jwt' not in config
kubernetes.create_role(
    'web', bound_service_account_names=['web'], bound_service_account_namespaces=['shop'], policies=['web'], ttl='15m',
    alias_name_source='serviceaccount_name')
role = kubernetes.read_role('web')
assert role['bound_service_account_names'] == ['web'] and role['ttl'] == 900 and role['policies'] == ['web'], role
assert kubernetes.list_roles()['keys'] == ['web']
pod = hvac.Client(url=address)
login = pod.auth.kubernetes.login('web', given['account'])
assert login['auth']['metadata']['service_account_namespace'] == 'shop' and pod.is_authenticated()
refused(hvac.exceptions.Forbidden, pod.auth.kubernetes.login, 'web', given['other_account'])
kubernetes.delete_role('web')
refused(hvac.exceptions.InvalidPath, kubernetes.read_role, 'web')
print('kubernetes')
