"""Calls methods of openstacksdk and of the Image API's own Python library, as programs written on them do.

Each line of standard input is a JSON object: `library` (openstacksdk or glanceclient), `account` (the variables OS_* that name a user and a
project), `method` (a dotted path from the connection, or from the client), `args` and `kwargs`. An argument {"$file": PATH} is an open file,
{"$bytes": TEXT} bytes. An answer is {"result": ...} or {"error": {"type", "status", "message"}}; bytes come back as their length and SHA-256.
"""
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Iterable, Mapping

import glanceclient
import openstack
import requests
from glanceclient.common.utils import RequestIdProxy
from keystoneauth1 import session
from keystoneauth1.identity import v3

connections = {}


def connect(library, account):
    key = (library, json.dumps(account, sort_keys=True))
    if key not in connections:
        names = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
        auth = {name: account["OS_" + name.upper()] for name in names}
        connections[key] = CONNECT[library](auth, account["OS_REGION_NAME"])
    return connections[key]


CONNECT = {
    "openstacksdk": lambda auth, region: openstack.connection.Connection(
        auth=auth, region_name=region, identity_api_version="3", app_name="vitrine-test"
    ),
    "glanceclient": lambda auth, region: glanceclient.Client(
        "2", session=session.Session(auth=v3.Password(**auth)), region_name=region, interface="public"
    ),
}


def call(request):
    method = connect(request["library"], request["account"])
    for name in request["method"].split("."):
        method = getattr(method, name)
    args = [to_argument(value) for value in request["args"]]
    kwargs = {name: to_argument(value) for name, value in request["kwargs"].items()}
    return to_json(method(*args, **kwargs))


def to_argument(value):
    if isinstance(value, dict) and "$file" in value:
        return open(value["$file"], "rb")
    if isinstance(value, dict) and "$bytes" in value:
        return value["$bytes"].encode()
    return value


def to_json(value):
    if isinstance(value, RequestIdProxy):
        value = value.wrapped
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return digest([value])
    if isinstance(value, requests.Response):
        return {"status": value.status_code, "headers": dict(value.headers), **digest(value.iter_content(65536))}
    if hasattr(value, "to_dict"):
        return {name: to_json(part) for name, part in value.to_dict().items() if name != "location"}
    if isinstance(value, Mapping):
        return {str(name): to_json(part) for name, part in value.items()}
    if isinstance(value, Iterable):
        return to_list(list(value))
    return to_list(list(value.iterable)) if hasattr(value, "iterable") else {"repr": repr(value)}


def to_list(parts):
    return digest(parts) if parts and all(isinstance(part, bytes) for part in parts) else [to_json(part) for part in parts]


def digest(chunks):
    size, sha256 = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        sha256.update(chunk)
    return {"bytes": size, "sha256": sha256.hexdigest()}


def to_error(error):
    status = next((getattr(error, name) for name in ("status_code", "http_status", "code") if hasattr(error, name)), None)
    return {"type": type(error).__name__, "status": status, "message": str(error)}


def main():
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    # Whatever a library prints is no answer.
    os.dup2(2, 1)
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        try:
            answer = {"result": call(json.loads(line))}
        except Exception as error:
            answer = {"error": to_error(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
