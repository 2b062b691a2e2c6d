"""Contracts to try the inference on: those of the project, and nasty ones."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crmsync.core.model import Json, from_json

_FOLDER = Path(__file__).parents[3] / "schemas"
SHIPPED: Final[dict[str, Json]] = {
    str(file.parent.relative_to(_FOLDER)): from_json(file.read_bytes()) for file in sorted(_FOLDER.rglob("*.json"))
}

ORDER: Final[Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["no", "name", "stage", "lines", "address"],
    "properties": {
        "no": {"type": "integer", "minimum": 1, "maximum": 999},
        "name": {"type": "string", "minLength": 1, "maxLength": 80},
        "stage": {"enum": ["won", "lost", "open"]},
        "paid": {"type": "boolean"},
        "note": {"type": ["string", "null"], "maxLength": 200},
        "amount": {"type": ["number", "null"], "minimum": 0, "multipleOf": 0.01},
        "due": {"type": "string", "format": "date"},
        "sent": {"type": ["string", "null"], "format": "date"},
        "email": {"type": "string", "x-pii": True, "deprecated": True},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 10}, "maxItems": 3},
        "codes": {"type": "array", "items": {"type": ["string", "integer", "null"]}},
        "pair": {
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "integer"}],
            "items": False,
            "minItems": 2,
        },
        "address": {
            "type": "object",
            "required": ["city"],
            "additionalProperties": False,
            "properties": {
                "city": {"type": "string"},
                "zip": {"type": ["string", "null"], "x-deprecated": "2027-01-31"},
            },
        },
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
        "extra": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    },
    "$defs": {
        "line": {
            "type": "object",
            "additionalProperties": False,
            "required": ["kind", "price"],
            "properties": {
                "kind": {"enum": ["goods", "work"]},
                "price": {"type": "number", "exclusiveMinimum": 0},
                "text": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            },
        }
    },
}

NASTY: Final[dict[str, Json]] = {
    "order": ORDER,
    "anything": True,
    "nothing said": {},
    "tree": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "value": {"$dynamicRef": "#scalar"},
                },
            },
            "scalar": {"$dynamicAnchor": "scalar", "type": ["string", "number", "boolean"]},
        },
    },
    "tagged": {
        "type": "object",
        "required": ["contacts"],
        "properties": {
            "contacts": {
                "type": "array",
                "items": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["kind", "email"],
                            "properties": {"kind": {"const": "mail"}, "email": {"type": "string", "minLength": 3}},
                        },
                        {
                            "type": "object",
                            "required": ["kind"],
                            "properties": {"kind": {"const": "phone"}, "number": {"type": "integer"}},
                        },
                    ]
                },
            },
            "either": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}, {"type": "null"}]
            },
        },
    },
    "conditions": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b", "c", None]},
            "value": {"not": {"type": ["object", "array"]}},
            "other": {"not": {"enum": ["a", 1, None, True]}},
        },
        "if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
        "then": {"properties": {"value": {"type": "string", "minLength": 1}}, "required": ["value"]},
        "else": {"properties": {"value": {"type": "integer"}}},
        "dependentSchemas": {"other": {"properties": {"extra": {"const": 5}}, "required": ["extra"]}},
    },
    "unevaluated": {
        "type": "object",
        "allOf": [
            {"properties": {"a": {"type": "string"}, "b": {"type": ["integer", "null"]}}},
            {"anyOf": [{"properties": {"c": {"type": "boolean"}}, "required": ["c"]}, {"required": ["a"]}]},
        ],
        "unevaluatedProperties": {"type": "array", "items": {"type": "number"}, "maxItems": 2},
    },
    "patterns": {
        "type": "object",
        "properties": {"x_a": {"type": "integer"}, "plain": {"const": {"a": [1, None], "b": {"c": ""}}}},
        "patternProperties": {"^x_": {"minimum": 5}, "_t$": {"type": "string"}},
        "additionalProperties": {"enum": [1, 2, "", False, None, [], [1, "a"], {}]},
        "propertyNames": {"maxLength": 6},
        "minProperties": 1,
    },
    "lists": {
        "type": "array",
        "prefixItems": [
            {"type": "string"},
            {"type": ["integer", "null"]},
            {"type": "array", "items": {"type": "string"}},
        ],
        "items": {"anyOf": [{"type": "array", "items": {"type": "integer"}, "maxItems": 2}, {"type": "object"}]},
        "minItems": 1,
        "maxItems": 5,
    },
    "conjunctions": {
        "allOf": [
            {"type": "object", "properties": {"n": {"type": "number", "maximum": 10}, "s": {"maxLength": 5}}},
            {"properties": {"n": {"minimum": -3, "multipleOf": 0.5}, "s": {"type": ["string", "integer"]}}},
            {"properties": {"o": {"allOf": [{"enum": ["a", "b", 1]}, {"enum": ["b", 1, 2]}]}, "f": False}},
            {"required": ["s"]},
        ]
    },
    "constants": {
        "type": "object",
        "required": ["one", "list"],
        "properties": {
            "one": {"const": 1},
            "list": {"enum": [[1, 2.5], [True], ["a", None], []]},
            "mixed": {"enum": [[1], [True], 0, False, "x"]},
            "part": {"type": "number", "multipleOf": 0.25, "minimum": -2, "maximum": 2},
        },
    },
    "a scalar": {"type": ["string", "null", "boolean"], "maxLength": 3},
}

ALL: Final = {**SHIPPED, **NASTY}
