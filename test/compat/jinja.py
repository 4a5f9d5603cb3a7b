"""Renders templates as Jinja itself does, set up as credsmash sets it up: a list of cases in, a list of texts out (null for an error)."""
import json
import sys

from jinja2.sandbox import SandboxedEnvironment


class Secrets:
    def __init__(self, values):
        self._values = values

    def __getitem__(self, key):
        return self._values[key]

    def __contains__(self, key):
        return key in self._values


environment = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
texts = []
for case in json.load(sys.stdin):
    try:
        template = environment.from_string(case["template"])
        texts.append(template.render(secrets=Secrets(case["secrets"]), **case["variables"]))
    except Exception:
        texts.append(None)
json.dump(texts, sys.stdout)
