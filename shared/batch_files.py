"""Where the files of a batch lie in the file store. Keys are made of ids and numbers of ours, never of client text."""

#: Every batch has a folder in it.
BATCHES = "batches"


def batch_folder(batch_id: str) -> str:
    """Everything of one batch."""
    return f"{BATCHES}/{batch_id}"


def find_batch_id(folder: str) -> str:
    """Return the id of the batch whose folder this is."""
    return folder.removeprefix(f"{BATCHES}/")


def input_key(batch_id: str) -> str:
    return f"{batch_folder(batch_id)}/input.csv"


def mend_folder(batch_id: str, token: str) -> str:
    return f"{batch_folder(batch_id)}/mends/{token}"


def mend_key(batch_id: str, token: str) -> str:
    """An uploaded file of mended rows."""
    return f"{mend_folder(batch_id, token)}/mended.csv"


def part_folder(batch_id: str, index: int, token: str) -> str:
    """Everything of one chunk by one attempt; the token keeps two attempts apart."""
    return f"{batch_folder(batch_id)}/parts/{index:08d}-{token}"


def result_key(batch_id: str, index: int, token: str) -> str:
    """Results of one chunk, without a header."""
    return f"{part_folder(batch_id, index, token)}/results.csv"


def errors_key(batch_id: str, index: int, token: str) -> str:
    """Errors of one chunk, without a header; there is no such file when it has none."""
    return f"{part_folder(batch_id, index, token)}/errors.csv"
