"""What the Terraform files say, read as text: they are formatted, so a block begins and ends at the margin."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r'^(variable|output|provider|resource|data|module) "([^"]+)"(?: "([^"]+)")? \{\n(.*?)^\}', re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """One block: `kind "name" {body}`; `name` of a resource is its type."""

    kind: str
    name: str
    body: str
    file: Path

    def has(self, argument: str) -> bool:
        """Return whether the block itself sets an argument to something."""
        return re.search(rf'^  {argument}\s+= (?!"")', self.body, re.MULTILINE) is not None


def read_blocks(folder: Path, *kinds: str) -> list[Block]:
    """Return the blocks of these kinds in every .tf file below a folder."""
    return [
        Block(kind, name, body, file)
        for file in sorted(folder.rglob("*.tf"))
        if ".terraform" not in file.parts
        for kind, name, _, body in _BLOCK.findall(file.read_text())
        if kind in kinds
    ]
