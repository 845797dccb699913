"""Deterministic pseudo-random numbers by hash: the same words give the same number in every process."""

from hashlib import blake2b


def draw(seed: int, *words: str) -> float:
    """A number in [0, 1), determined by the seed and the words."""
    digest = blake2b("\x1f".join((str(seed), *words)).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
