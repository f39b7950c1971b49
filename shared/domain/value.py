"""The base of every value of ours that is kept or crosses processes: a frozen struct, equal by its fields. Pure.

`shared/messages/value_codec` writes one as JSON and reads it again. Nothing is checked when one is built: the type
checker does that for what we build, the codec for what we are sent.
"""

from msgspec import Struct

OMITTED = "omitted"
"""Marks a field that is written only where it says something: what was written before it keeps its bytes."""


class Value(Struct, frozen=True, kw_only=True, gc=False):
    """A frozen value with named fields; `msgspec.structs.replace` makes the same with some other ones."""
