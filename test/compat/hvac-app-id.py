"""The App-ID workflow with hvac 0.11, which still has the calls: set up, handed over, logged in, and refused where it should be.

The address is the argument; the root token is standard input."""

import hashlib
import sys
import uuid
import warnings

import hvac
from hvac.exceptions import Forbidden, InvalidRequest

# Every call of App-ID warns that it goes in the next release, whatever the interpreter is told.
warnings.showwarning = lambda *_, **__: None

address = sys.argv[1]
root = hvac.Client(url=address, token=sys.stdin.read().strip())


def refused(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind as error:
        return str(error)
    raise AssertionError("nothing was refused")


# The operator's part.
root.sys.enable_secrets_engine("generic", path="config")
assert "config/" in root.sys.list_mounted_secrets_engines()
root.sys.enable_auth_method("app-id")
assert "app-id/" in root.sys.list_auth_methods()
root.sys.create_or_update_policy("web", 'path "config/web/*" { policy = "read" }')
root.write("config/web/database", password="hunter-2")
root.write("config/mail/smtp", password="other")

app_id = str(uuid.uuid4())
user_id = hashlib.sha1(b"11:ff:30:d6:ba:5f").hexdigest()

# What hvac's own tests look at.
root.create_app_id("foo", "not_root")
assert root.get_app_id("foo")["data"]["key"] == "foo"
assert root.get_app_id("foo")["data"]["value"] == "not_root"
root.delete_app_id("foo")
assert root.get_app_id("foo")["data"] is None
root.create_user_id("bar", "foo")
assert root.get_user_id("bar")["data"]["key"] == "bar"
assert root.get_user_id("bar")["data"]["value"] == "foo"
root.delete_user_id("bar")
assert root.get_user_id("bar")["data"] is None
assert root.list("auth/app-id/map/app-id") is None

root.create_app_id(app_id, policies=["web"], display_name="web server")
root.create_user_id(user_id, app_id, cidr_block="127.0.0.0/8")
print("mapped")

# The automation hands the app id over in the cubbyhole of a token for four requests.
temporary = root.create_token(policies=["default"], num_uses=4, ttl="10m")["auth"]["client_token"]
automation = hvac.Client(url=address, token=temporary)
automation.write("cubbyhole/app-id", value=app_id)
assert automation.read("cubbyhole/app-id")["data"]["value"] == app_id
assert root.read("cubbyhole/app-id") is None

# The application's server takes it up.
server = hvac.Client(url=address, token=temporary)
assert server.lookup_token()["data"]["display_name"] == "token"
found = server.read("cubbyhole/app-id")["data"]["value"]
assert found == app_id
refused(Forbidden, server.read, "cubbyhole/app-id")
print("handed over")

# The application proves both, and reads what is its own.
application = hvac.Client(url=address)
answer = application.auth_app_id(found, hashlib.sha1(b"11:ff:30:d6:ba:5f").hexdigest())
assert sorted(answer["auth"]["policies"]) == ["default", "web"]
assert answer["auth"]["metadata"]["app-id"] == "sha1:" + hashlib.sha1(app_id.encode()).hexdigest()
assert application.is_authenticated()
assert application.read("config/web/database")["data"]["password"] == "hunter-2"
refused(Forbidden, application.read, "config/mail/smtp")
refused(Forbidden, application.write, "config/web/database", password="mine")
application.renew_token()
print("logged in")

stranger = hvac.Client(url=address)
assert "invalid user ID or app ID" in refused(InvalidRequest, stranger.auth_app_id, found, "0" * 40)
assert "invalid user ID or app ID" in refused(InvalidRequest, stranger.auth_app_id, "nobody", user_id)
root.delete_user_id(user_id)
refused(InvalidRequest, stranger.auth_app_id, found, user_id)
refused(InvalidRequest, application.renew_token)
print("refused")
