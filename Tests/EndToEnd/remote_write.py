"""Writes remote write requests of versions 1.0 and 2.0: protobuf, in a snappy block."""

import struct

import cramjam

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def varint(number):
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def message(field, payload):
    """A field that holds bytes: text, or another message."""
    if isinstance(payload, str):
        payload = payload.encode("utf-8")
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def sample(milliseconds, value):
    return b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds)


def series(labels, samples, histograms=()):
    """`labels` is a dictionary; `samples` are pairs of milliseconds and value."""
    encoded = [message(1, message(1, name) + message(2, labels[name])) for name in sorted(labels)]
    encoded += [message(2, sample(*pair)) for pair in samples]
    encoded += [message(4, histogram) for histogram in histograms]
    return message(1, b"".join(encoded))


def histogram(milliseconds, total, counts, first_index=0, zero_count=0, start=0):
    """A native histogram of integers with the buckets `counts` from an index on."""
    deltas = [count - before for count, before in zip(counts, [0] + counts)]
    encoded = b"\x08" + varint(zero_count + sum(counts)) + b"\x19" + struct.pack("<d", total)
    if zero_count:
        encoded += b"\x30" + varint(zero_count)
    encoded += message(11, b"\x08" + zigzag(first_index) + b"\x10" + varint(len(counts)))
    encoded += message(12, b"".join(zigzag(delta) for delta in deltas))
    encoded += b"\x78" + varint(milliseconds)
    if start:
        encoded += varint(17 << 3) + varint(start)
    return encoded


def zigzag(number):
    return varint((number << 1) ^ (number >> 63))


class Version2:
    """A request of version 2.0, whose texts are symbols."""

    HEADERS = {
        "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
    }

    def __init__(self):
        self.symbols = [""]
        self.entries = b""

    def reference(self, text):
        if text not in self.symbols:
            self.symbols.append(text)
        return self.symbols.index(text)

    def add(self, labels, samples=(), histograms=(), exemplars=()):
        """`samples` are milliseconds, value and start; `exemplars` are labels,
        value and milliseconds."""
        encoded = message(1, self.references(labels))
        for milliseconds, value, start in samples:
            encoded += message(2, sample(milliseconds, value) + b"\x18" + varint(start))
        encoded += b"".join(message(3, histogram) for histogram in histograms)
        for exemplar_labels, value, milliseconds in exemplars:
            encoded += message(
                4, message(1, self.references(exemplar_labels)) + b"\x11"
                + struct.pack("<d", value) + b"\x18" + varint(milliseconds))
        self.entries += message(5, encoded)
        return self

    def references(self, labels):
        texts = [text for name in sorted(labels) for text in (name, labels[name])]
        return b"".join(varint(self.reference(text)) for text in texts)

    def post(self, client):
        symbols = b"".join(message(4, symbol) for symbol in self.symbols)
        return post(client, symbols + self.entries, self.HEADERS)


def metadata(kind, family, help_text):
    return message(3, b"\x08" + varint(kind) + message(2, family) + message(4, help_text))


def compress(request):
    return bytes(cramjam.snappy.compress_raw(request))


def post(client, request, headers=None, compressed=None):
    """Sends an encoded request, or the bytes given instead of its compression."""
    body = compress(request) if compressed is None else compressed
    return client.request("POST", "/api/v1/write", body, {**HEADERS, **(headers or {})})


def send(client, *entries):
    """Sends series, each a pair of labels and samples."""
    return post(client, b"".join(series(labels, samples) for labels, samples in entries))
