"""Bech32 (BIP 173) without its limit of 90 characters: how age writes keys."""

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def encode(prefix: str, data: bytes) -> str:
    """The text of some bytes, in small letters."""
    values = _regroup(data, 8, 5, pad=True)
    polymod = _polymod([*_expanded(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    checksum = [(polymod >> 5 * (5 - number)) & 31 for number in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in [*values, *checksum])}"


def decode(text: str) -> tuple[str, bytes]:
    """Prefix and bytes; ValueError when the text is damaged or of mixed case."""
    if text not in (text.lower(), text.upper()):
        raise ValueError("mixed case")
    prefix, separator, rest = text.lower().rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM or set(rest) - set(_ALPHABET):
        raise ValueError("not bech32")
    values = [_ALPHABET.index(letter) for letter in rest]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("a wrong checksum")
    return prefix, bytes(_regroup(values[:-_CHECKSUM], 5, 8, pad=False))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum


def _regroup(data: bytes | list[int], width: int, target: int, *, pad: bool) -> list[int]:
    """Bits regrouped from `width` to `target`; padding that is too long or not zero is an error."""
    bits, count, made = 0, 0, []
    for value in data:
        bits, count = bits << width | value, count + width
        while count >= target:
            count -= target
            made.append(bits >> count & (1 << target) - 1)
        bits &= (1 << count) - 1
    if pad:
        return [*made, bits << target - count] if count else made
    if count >= width or bits:
        raise ValueError("wrong padding")
    return made
