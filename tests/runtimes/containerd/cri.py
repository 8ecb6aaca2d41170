"""A client of the CRI socket: one call, with as many requests at once as there are arguments.

    cri.py Version|RunPodSandbox|PodSandboxStatus|StopPodSandbox|RemovePodSandbox [JSON...]

RunPodSandbox takes pods {"name", "ports": [[protocol, host, container]], "annotations"}, all others
but Version take the pods' ids. Answers are printed as JSON, one line each.
"""

import json
import sys

import grpc

SOCKET = "unix:/run/containerd/containerd.sock"
# On a busy machine with two processors.
TIMEOUT_S = 120


def varint(number):
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def message(*fields):
    """Encodes (number, value) pairs; a value is a number, a text or an encoded message."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            encoded += varint(number << 3 | 2) + varint(len(value)) + value
    return encoded


def read_varint(data, at):
    number, shift = 0, 0
    while True:
        byte, at = data[at], at + 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def fields(data):
    """Decodes a message into {number: [values]}; whatever is no number stays bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        found.setdefault(key >> 3, []).append(value)
    return found


def first(found, number, default=b""):
    return found.get(number, [default])[0]


def run_request(pod):
    metadata = message((1, pod["name"]), (2, pod["name"] + "-uid"), (3, "default"))
    protocols = {"tcp": 0, "udp": 1}
    ports = [
        message((1, protocols[protocol]), (2, container), (3, host))
        for protocol, host, container in pod["ports"]
    ]
    annotations = [message((1, key), (2, value)) for key, value in pod["annotations"].items()]
    config = message(
        (1, metadata),
        (2, pod["name"]),
        *((5, port) for port in ports),
        *((7, annotation) for annotation in annotations),
        (8, b""),
    )
    return message((1, config))


def status(answer):
    found = fields(answer)
    sandbox = fields(first(found, 1))
    network = fields(first(sandbox, 5))
    addresses = [first(network, 1)] + [first(fields(ip), 1) for ip in network.get(2, [])]
    info = [fields(entry) for entry in found.get(2, [])]
    told = {first(entry, 1).decode(): json.loads(first(entry, 2)) for entry in info}
    return {
        "ready": first(sandbox, 3, 0) == 0,
        "ips": [address.decode() for address in addresses if address],
        "pid": told["info"]["pid"],
    }


# How a request is encoded and an answer decoded.
CALLS = {
    "Version": (lambda _: b"", lambda answer: first(fields(answer), 2).decode()),
    "RunPodSandbox": (run_request, lambda answer: first(fields(answer), 1).decode()),
    # Field 2 asks for the process id, too.
    "PodSandboxStatus": (lambda pod: message((1, pod), (2, 1)), status),
    "StopPodSandbox": (lambda pod: message((1, pod)), lambda _: None),
    "RemovePodSandbox": (lambda pod: message((1, pod)), lambda _: None),
}


def main(call, *arguments):
    encode, decode = CALLS[call]
    with grpc.insecure_channel(SOCKET) as channel:
        method = channel.unary_unary(f"/runtime.v1.RuntimeService/{call}")
        requests = [encode(json.loads(argument)) for argument in arguments or ["null"]]
        answers = [method.future(request, timeout=TIMEOUT_S) for request in requests]
        for answer in answers:
            print(json.dumps(decode(answer.result())))


main(*sys.argv[1:])
