"""How alike vectors are, computed on the device that is asked for: a GPU that is missing is an error, not a reason to
use the CPU."""


def scores(vectors, query, device="cpu"):
    """Return the dot product of each vector with the query."""
    for vector in vectors:
        if len(vector) != len(query):
            raise ValueError(f"compare vectors of {len(vector)} and {len(query)} numbers: they must be of one length")
    if device == "cpu":
        return [sum(a * b for a, b in zip(vector, query)) for vector in vectors]
    if device == "cuda":
        from sample_search import cuda

        return cuda.scores(vectors, query)
    raise ValueError(f"compute on {device!r}: the devices are cpu and cuda")
