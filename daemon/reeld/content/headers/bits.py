"""Takes numbers from the bits of a header, as video codecs write them."""


class Bits:
    """Takes numbers from bytes, the highest bit first. Raises IndexError at the end."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content, "big")
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        if count > self._left:
            raise IndexError
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def take_flag(self) -> bool:
        return self.take(1) == 1

    def take_golomb(self) -> int:
        """Take a number without a sign of Exp-Golomb code, `ue(v)` of ITU-T H.264 and H.265."""
        zeros = self._left - (self._value & (1 << self._left) - 1).bit_length()
        if zeros > 32:
            raise IndexError
        self.take(zeros)
        return self.take(zeros + 1) - 1

    def skip_uvlc(self) -> None:
        """Skip a `uvlc()` of AV1."""
        zeros = 0
        while not self.take_flag():
            zeros += 1
        if zeros < 32:
            self.take(zeros)
