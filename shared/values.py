"""value: a frozen data class that costs a third of one."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """Make a class one whose instances nobody changes, by the type checker's word and not by the interpreter's.

    `dataclass(frozen=True)` sets each field through `object.__setattr__`: 4 microseconds for a class of 16 fields, 1.1
    without. A request makes a dozen of them. Equal, hashed and replaced as any frozen data class.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
