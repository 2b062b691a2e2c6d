"""Changes of contracts as people make them, and what each does. Written for crmsync; no other source."""

from decimal import Decimal

C, B = "compatible", "breaking"


def record(properties, required=(), **more):
    return {"type": "object", "properties": properties, "required": list(required), **more}


def closed(properties, required=()):
    return record(properties, required, additionalProperties=False)


def v(schema):
    return {"type": "object", "properties": {"v": schema}}


TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
NODE = {"type": "object", "properties": {"name": TEXT, "parts": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}
PART = {"type": "object", "properties": {"name": TEXT, "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}}}}
KINDS = {
    "oneOf": [
        record({"kind": {"const": "person"}, "name": TEXT}, ["kind", "name"]),
        record({"kind": {"const": "company"}, "ico": TEXT}, ["kind", "ico"]),
    ]
}
WITH_STATE = {"oneOf": [*KINDS["oneOf"], record({"kind": {"const": "state"}}, ["kind"])]}

# name: (old, new, strict BACKWARD, strict FORWARD, reader-writer BACKWARD, reader-writer FORWARD)
VECTORS = {
    "the same": (closed({"id": WHOLE}), closed({"id": WHOLE}), C, C, C, C),
    "a title": (v(TEXT), v({**TEXT, "title": "Name"}), C, C, C, C),
    "optional added, closed": (closed({"id": WHOLE}), closed({"id": WHOLE, "tel": TEXT}), C, B, C, C),
    "optional added, open": (record({"id": WHOLE}), record({"id": WHOLE, "tel": TEXT}), B, C, C, C),
    "optional removed, closed": (closed({"id": WHOLE, "tel": TEXT}), closed({"id": WHOLE}), B, C, C, C),
    "optional removed, open": (record({"id": WHOLE, "tel": TEXT}), record({"id": WHOLE}), C, B, C, C),
    "required added": (closed({"id": WHOLE}), closed({"id": WHOLE, "tel": TEXT}, ["tel"]), B, B, B, C),
    "required with a default added": (
        closed({"id": WHOLE}),
        closed({"id": WHOLE, "tel": {**TEXT, "default": "-"}}, ["tel"]),
        B,
        B,
        C,
        C,
    ),
    "required with a wrong default added": (
        closed({"id": WHOLE}),
        closed({"id": WHOLE, "tel": {**TEXT, "default": 7}}, ["tel"]),
        B,
        B,
        B,
        C,
    ),
    "optional made required": (closed({"tel": TEXT}), closed({"tel": TEXT}, ["tel"]), B, C, B, C),
    "required made optional": (closed({"tel": TEXT}, ["tel"]), closed({"tel": TEXT}), C, B, C, B),
    "renamed": (closed({"tel": TEXT}), closed({"phone": TEXT}), B, B, C, C),
    "closed what was open": (record({"id": WHOLE}), closed({"id": WHOLE}), B, C, C, C),
    "opened what was closed": (closed({"id": WHOLE}), record({"id": WHOLE}), C, B, C, C),
    "null allowed": (v(TEXT), v({"type": ["string", "null"]}), C, B, C, B),
    "null no longer allowed": (v({"type": ["string", "null"]}), v(TEXT), B, C, B, C),
    "whole numbers to numbers": (v(WHOLE), v({"type": "number"}), C, B, C, B),
    "text to number": (v(TEXT), v({"type": "number"}), B, B, B, B),
    "longer text": (v({**TEXT, "maxLength": 200}), v({**TEXT, "maxLength": 255}), C, B, C, B),
    "shorter text": (v({**TEXT, "maxLength": 255}), v({**TEXT, "maxLength": 200}), B, C, B, C),
    "an enum value more": (v({"enum": ["won", "lost"]}), v({"enum": ["won", "lost", "open"]}), C, B, C, B),
    "an enum value less": (v({"enum": ["won", "lost"]}), v({"enum": ["won"]}), B, C, B, C),
    "an enum spelled as const": (v({"enum": ["a"]}), v({"const": "a"}), C, C, C, C),
    "1 is not true": (v({"const": 1}), v({"const": True}), B, B, B, B),
    "a pattern of more digits": (
        v({**TEXT, "pattern": "^[0-9]{8}$"}),
        v({**TEXT, "pattern": "^[0-9]{8,10}$"}),
        C,
        B,
        C,
        B,
    ),
    "a pattern written otherwise": (
        v({**TEXT, "pattern": "^(CZ|SK)[0-9]+$"}),
        v({**TEXT, "pattern": "^(SK|CZ)[0-9][0-9]*$"}),
        C,
        C,
        C,
        C,
    ),
    "a pattern that says a length": (
        v({**TEXT, "pattern": "^[A-Z]{2}$"}),
        v({**TEXT, "pattern": "^[A-Z]+$", "minLength": 2, "maxLength": 2}),
        C,
        C,
        C,
        C,
    ),
    "two-letter country to any": (v({**TEXT, "pattern": "^[A-Z]{2}$"}), v({**TEXT, "maxLength": 2}), C, B, C, B),
    "a date asked": (v(TEXT), v({**TEXT, "format": "date"}), B, C, B, C),
    "letters of every script": (v({**TEXT, "format": "email"}), v({**TEXT, "format": "idn-email"}), C, B, C, B),
    "a relative reference, too": (v({**TEXT, "format": "uri"}), v({**TEXT, "format": "uri-reference"}), C, B, C, B),
    "date to date-time": (v({**TEXT, "format": "date"}), v({**TEXT, "format": "date-time"}), B, B, B, B),
    "cents": (v({"type": "number"}), v({"type": "number", "multipleOf": Decimal("0.01")}), B, C, B, C),
    "cents to whole": (v({"type": "number", "multipleOf": Decimal("0.01")}), v(WHOLE), B, C, B, C),
    "a minimum lowered": (v({**WHOLE, "minimum": 1}), v({**WHOLE, "minimum": 0}), C, B, C, B),
    "more than 0 is at least 1": (v({**WHOLE, "exclusiveMinimum": 0}), v({**WHOLE, "minimum": 1}), C, C, C, C),
    "one or a list": (v(TEXT), v({"anyOf": [TEXT, {"type": "array", "items": TEXT}]}), C, B, C, B),
    "fewer items": (v({"type": "array", "maxItems": 9}), v({"type": "array", "maxItems": 5}), B, C, B, C),
    "items narrowed": (v({"type": "array"}), v({"type": "array", "items": TEXT}), B, C, B, C),
    "items unique": (v({"type": "array"}), v({"type": "array", "uniqueItems": True}), B, C, B, C),
    "a place more": (v({"prefixItems": [TEXT]}), v({"prefixItems": [TEXT, WHOLE]}), B, C, B, C),
    "an alternative more": (KINDS, WITH_STATE, C, B, C, B),
    "an alternative less": (WITH_STATE, KINDS, B, C, B, C),
    "definitions renamed": (
        {"$defs": {"a": TEXT}, "properties": {"v": {"$ref": "#/$defs/a"}}},
        {"$defs": {"b": TEXT}, "properties": {"v": {"$ref": "#/$defs/b"}}},
        C,
        C,
        C,
        C,
    ),
    "recursion renamed": (
        {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
        {"$defs": {"part": PART}, "$ref": "#/$defs/part"},
        C,
        C,
        C,
        C,
    ),
    "recursion narrowed": (
        {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
        {"$defs": {"node": {**NODE, "required": ["name"]}}, "$ref": "#/$defs/node"},
        B,
        C,
        B,
        C,
    ),
    "declared what a pattern allowed": (
        closed({"id": WHOLE}) | {"patternProperties": {"__c$": TEXT}},
        closed({"id": WHOLE, "tier__c": TEXT}) | {"patternProperties": {"__c$": TEXT}},
        C,
        C,
        C,
        C,
    ),
    "declared otherwise than a pattern allowed": (
        closed({"id": WHOLE}) | {"patternProperties": {"__c$": TEXT}},
        closed({"id": WHOLE, "tier__c": WHOLE}) | {"patternProperties": {"__c$": TEXT}},
        B,
        C,
        B,
        C,
    ),
    "a narrower pattern of names": (
        {"patternProperties": {"^x_": TEXT}, "additionalProperties": False},
        {"patternProperties": {"^x_[a-z]+$": TEXT}, "additionalProperties": False},
        B,
        C,
        C,
        C,
    ),
    "a condition": (
        closed({"a": TEXT, "b": TEXT}),
        closed({"a": TEXT, "b": TEXT}) | {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        B,
        C,
        B,
        C,
    ),
    "a condition said as dependency": (
        {"if": {"type": "object", "required": ["a"]}, "then": {"required": ["b"]}},
        {"dependentRequired": {"a": ["b"]}},
        C,
        C,
        C,
        C,
    ),
    "in parts": (
        closed({"a": TEXT, "b": WHOLE}),
        {"allOf": [record({"a": TEXT}), record({"b": WHOLE})], "unevaluatedProperties": False},
        C,
        C,
        C,
        C,
    ),
    "nested deep": (
        v({"type": "array", "items": v({"type": "array", "items": v({**TEXT, "maxLength": 3})})}),
        v({"type": "array", "items": v({"type": "array", "items": v({**TEXT, "maxLength": 2})})}),
        B,
        C,
        B,
        C,
    ),
}
