"""Writes remote write 1.0 requests: protobuf, in a snappy block."""

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
