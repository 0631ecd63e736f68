"""Says what is wrong with a value in plain words: pydantic's errors as problems with a cure."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from monitor.config import CREDENTIAL_PATTERN, DURATION_PATTERN, NAME_PATTERN, Config
from monitor.config_sinks import SINK_TYPES
from monitor.errors import Problem
from monitor.redact import redact
from monitor.yaml_marks import Location, Marked, key_text

Schema = Mapping[str, Any]

_PATTERNS = {
    NAME_PATTERN: "a name of letters, digits, '.', '_' and '-', at most 63 long, that begins with "
    "a letter or digit",
    CREDENTIAL_PATTERN: "a name of letters, digits, '.', '_' and '-'",
}
_LONGEST_SHOWN = 40
_HIDDEN_KEYS = frozenset({"url", "value", "password", "bearer_token", "secret", "url_from"})


def faults(error: ValidationError, marked: Marked) -> list[Problem]:
    """One problem for each fault that pydantic found, in the order of the file."""
    schema = Config.model_json_schema(by_alias=True)
    problems = [
        _problem(fault["type"], fault["loc"], fault.get("ctx", {}), marked, schema)
        for fault in error.errors(include_url=False, include_input=False)
    ]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _problem(
    kind: str, location: Location, context: Mapping[str, Any], marked: Marked, schema: Schema
) -> Problem:
    typed, location = location, _without_type(location)
    if kind == "extra_forbidden":
        message = _unknown_key(str(location[-1]), typed, schema)
    elif kind == "missing":
        message = _missing(typed, schema)
    elif kind == "union_tag_not_found":
        location = (*location, "type")
        message = f"this key is missing; add 'type: …' ({' or '.join(SINK_TYPES)})"
    elif kind == "union_tag_invalid":
        location = (*location, "type")
        message = _unknown_type(_found(location, marked), _value(location, marked.data))
    elif kind == "too_long" and "actual_length" in context:
        found, most = context["actual_length"], context["max_length"]
        message = f"a list of {found} was found; {most} is the most"
    elif kind == "string_too_long" and "max_length" in context:
        found = _found(location, marked)
        message = f"{found} was found, longer than {context['max_length']} characters; shorten it"
    elif kind == "value_error":
        message = redact(str(context["error"]))
    else:
        found = _found(location, marked)
        part = _at(typed, schema)
        cure = f"write {_expected(part, schema)}"
        value = _value(location, marked.data)
        if kind == "string_type" and isinstance(value, int | float):
            taken = str(value).lower() if isinstance(value, bool) else "a number"
            found += f", which YAML takes for {taken},"
            cure = cure if "examples" in part else "put it in quotes"
        message = f"{found} was found; {cure}"
    return Problem(key_text(location), marked.line(location), message)


def _without_type(location: Location) -> Location:
    """The location as in the file: pydantic names the type of a sink behind its index."""
    if location[:1] == ("sinks",) and len(location) > 2 and location[2] in SINK_TYPES:
        return (*location[:2], *location[3:])
    return location


def _unknown_type(found: str, value: Any) -> str:
    close = difflib.get_close_matches(str(value).lower(), SINK_TYPES, n=1)
    cure = f"did you mean '{close[0]}'?" if close else f"write {' or '.join(SINK_TYPES)}"
    return f"{found} was found; {cure}"


def _unknown_key(key: str, location: Location, schema: Schema) -> str:
    known = list(_properties(_at(location[:-1], schema), schema))
    close = difflib.get_close_matches(key.lower(), known, n=1)
    if close:
        return f"this key is unknown; did you mean '{close[0]}'?"
    for section, part in _properties(schema, schema).items():
        if section != location[0] and key in _properties(part, schema):
            return f"this key is unknown here; it belongs under '{section}'"
    return f"this key is unknown; known here are {', '.join(known)}"


def _missing(location: Location, schema: Schema) -> str:
    description = _at(location, schema).get("description", "").rstrip(".")
    return f"this key is missing; add '{location[-1]}: …'" + (
        f" ({description[0].lower()}{description[1:]})" if description else ""
    )


def _found(location: Location, marked: Marked) -> str:
    """The value as people wrote it; what may hold a secret is not repeated."""
    value = _value(location, marked.data)
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a section of keys"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list" if value else "an empty list"
    if "credentials" in location or (location[0] == "sinks" and location[-1] in _HIDDEN_KEYS):
        return "text" if isinstance(value, str) else "a value without quotes"
    if isinstance(value, str):
        shown = redact(value)
        cut = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
        return f"'{cut}'"
    return marked.sources.get(location, str(value))


def _value(location: Location, data: Any) -> Any:
    """The value at a location; None where there is none."""
    for step in location:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return None
    return data


def _expected(part: Schema, schema: Schema) -> str:
    """What belongs there, from the schema of the field."""
    options = [_resolved(option, schema) for option in part.get("anyOf", [part])]
    options = [option for option in options if option.get("type") != "null"]
    if any(option.get("pattern") == DURATION_PATTERN for option in options):
        return f"a duration like 30s or 1m30s, {_range(options[0], ' and at most 7 days')}"
    option = options[0] if options else {}
    if "enum" in option:
        return " or ".join(str(value) for value in option["enum"])
    match option.get("type"):
        case "string":
            if option.get("format") == "path":
                return "a path, in quotes"
            if examples := part.get("examples"):
                return f"text like '{examples[0]}'"
            return _PATTERNS.get(option.get("pattern", ""), "text, in quotes")
        case "integer":
            return f"a whole number, {_range(option)}".removesuffix(", ")
        case "number":
            return f"a number, {_range(option)}".removesuffix(", ")
        case "boolean":
            return "true or false"
        case "array":
            return _list_text(option.get("minItems", 0), option.get("maxItems"))
        case "object":
            return f"a section with the keys {', '.join(option.get('properties', {}))}"
        case _:
            return "what config/monitor.yaml shows for this key"


def _list_text(least: int, most: int | None) -> str:
    if least and least == most:
        return f"a list of {least} numbers"
    return {0: "a list", 1: "a list with at least one entry"}.get(
        least, f"a list with at least {least} entries"
    )


def _range(option: Schema, most: str | None = None) -> str:
    least = ""
    if "exclusiveMinimum" in option:
        least = f"above {option['exclusiveMinimum']:g}"
    elif "minimum" in option:
        least = f"at least {option['minimum']:g}"
    if most is None and "exclusiveMaximum" in option:
        most = f" and below {option['exclusiveMaximum']:g}"
    elif most is None and "maximum" in option:
        most = f" and at most {option['maximum']:g}"
    return (least + (most or "")).removeprefix(" and ")


def _resolved(part: Schema, schema: Schema) -> Schema:
    reference = part.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[-1]] if reference else part


def _properties(part: Schema, schema: Schema) -> Schema:
    """The keys of a section, whether it stands there itself, by reference, or is optional."""
    for option in part.get("anyOf", [part]):
        found = _resolved(option, schema)
        if "properties" in found:
            return dict(found["properties"])
    return {}


def _at(location: Location, schema: Schema) -> Schema:
    """The part of the schema for a location; empty where there is none."""
    part: Schema = schema
    for step in location:
        kinds = {
            kind["properties"]["type"]["const"]: kind
            for kind in (_resolved(one, schema) for one in part.get("oneOf", ()))
        }
        if step in kinds:
            part = kinds[step]
        elif isinstance(step, str):
            part = _properties(part, schema).get(step, {})
        else:
            options = [_resolved(option, schema) for option in part.get("anyOf", [part])]
            part = next((option["items"] for option in options if "items" in option), {})
    return part
