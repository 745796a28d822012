"""A mapping as a YAML document: its expressions, and what is left of it without a wrong value."""

from __future__ import annotations

import yaml

from biolake.core.errors import MappingInvalid
from biolake.core.yaml_positions import Document, Value, parse_document
from biolake.ingest.mapping.definition import Expression


class NodeRefused(MappingInvalid):
    """One node of the document is wrong; the others can still be judged."""

    def __init__(self, value: Value, message: str, next: str) -> None:
        super().__init__(message, where=str(value.where), next=next)
        self.value = value


def parse_mapping_document(text: str, file: str) -> Value:
    """Parse the text of a mapping file and return its root."""
    return parse_document(text, Document(file, "mapping", MappingInvalid, NodeRefused))


def expression(value: Value) -> Expression:
    """Return a value as an SQL expression."""
    text = value.text()
    if not text.strip():
        value.refuse(f"'{value.name}' is empty: an SQL expression is needed")
    return Expression(text, value.content)


def without(root: Value, wrong: Value) -> bool:
    """Take one node out of a document; false when it is the root."""
    parents = [root.node]
    while parents:
        node = parents.pop()
        if isinstance(node, yaml.ScalarNode):
            continue
        for child in list(node.value):
            pair = child if isinstance(child, tuple) else (child,)
            if any(part is wrong.node for part in pair):
                node.value = [other for other in node.value if other is not child]
                return True
            parents.append(pair[-1])
    return False
