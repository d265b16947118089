"""Judges a projection with Heat's own engine library, and prints the keys heatclient collects from a pulled tree.

Usage: heat_check.py PROJECTION.json TREE TEMPLATE ENVIRONMENT...
Prints JSON: the keys of both, and how many templates, files and functions were checked. Ends with a traceback on the first fault.
"""
import json
import os
import sys

from heat.common import template_format
from heat.engine import environment, function, template
from heatclient.common import template_utils


class StackDefinition:
    """As much of a stack as the engine's get_file looks at: its template."""

    def __init__(self, tmpl):
        self.t = tmpl


def walk(snippet):
    yield snippet
    if isinstance(snippet, dict):
        for value in snippet.values():
            yield from walk(value)
    elif isinstance(snippet, list):
        for value in snippet:
            yield from walk(value)


def check_template(text, files, seen, counts):
    """Parses and validates one template and every nested one, with nothing but `files`."""
    parsed = template_format.parse(text) if isinstance(text, str) else text
    tmpl = template.Template(parsed, files=files)
    tmpl.validate()
    counts["templates"] += 1
    for part in walk(parsed):
        if not isinstance(part, dict):
            continue
        for key, value in part.items():
            if key == "get_file":
                assert isinstance(value, str)
                resolved = function.resolve(tmpl.parse(StackDefinition(tmpl), {"get_file": value}))
                assert resolved == files[value], value
                counts["functions"] += 1
            if key == "type" and isinstance(value, str) and value.endswith((".yaml", ".template")) and value not in seen:
                seen.add(value)
                check_template(files[value], files, seen, counts)


def main():
    projection = json.load(open(sys.argv[1], encoding="utf-8"))
    tree, root, envs = os.path.abspath(sys.argv[2]), sys.argv[3], sys.argv[4:]
    files = projection["files"]
    counts = {"templates": 0, "functions": 0, "checked": 0}
    seen = set()
    check_template(projection["template"], files, seen, counts)
    for key in projection["environment_files"]:
        env = environment.Environment(json.loads(files[key]) if files[key].startswith("{") else template_format.simple_parse(files[key]))
        counts["checked"] += 1
        for value in env.user_env_as_dict()["resource_registry"].values():
            if isinstance(value, str) and value.endswith((".yaml", ".template")) and value not in seen:
                seen.add(value)
                check_template(files[value], files, seen, counts)

    collected, _ = template_utils.process_template_path(os.path.join(tree, root))
    tracker = []
    more, _ = template_utils.process_multiple_environments_and_files(
        env_paths=[os.path.join(tree, env) for env in envs], env_list_tracker=tracker)
    collected.update(more)
    base = "file://" + tree + "/"
    strip = lambda key: key[len(base):] if key.startswith(base) else key
    json.dump({"projection": sorted(files), "heatclient": sorted(strip(key) for key in collected),
               "environments": [strip(key) for key in tracker], **counts}, sys.stdout)


main()
