# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of a D-Bus client as scenarios need: calls, answers that come later, and signals. No process for each question."""

import os
import select
import socket
import struct

FIXED = {"y": ("B", 1), "b": ("I", 4), "n": ("h", 2), "q": ("H", 2), "i": ("i", 4), "u": ("I", 4), "x": ("q", 8),
         "t": ("Q", 8), "d": ("d", 8), "h": ("I", 4)}
ALIGN = {"s": 4, "o": 4, "g": 1, "a": 4, "(": 8, "{": 8, "v": 1, **{key: size for key, (_, size) in FIXED.items()}}
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATIENCE = 60


class BusError(Exception):
    """An error reply: .name and .text."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name, self.text = name, text


def next_type(signature, at):
    """End of the complete type at AT."""
    if signature[at] == "a":
        return next_type(signature, at + 1)
    if signature[at] in "({":
        close = ")" if signature[at] == "(" else "}"
        at += 1
        while signature[at] != close:
            at = next_type(signature, at)
    return at + 1


def split_types(signature):
    types, at = [], 0
    while at < len(signature):
        end = next_type(signature, at)
        types.append(signature[at:end])
        at = end
    return types


class Writer:
    def __init__(self):
        self.data = bytearray()

    def pad(self, size):
        self.data += b"\0" * (-len(self.data) % size)

    def put(self, kind, value):
        first = kind[0]
        self.pad(ALIGN[first])
        if first in FIXED:
            self.data += struct.pack("<" + FIXED[first][0], value)
        elif first in "so":
            text = value.encode()
            self.data += struct.pack("<I", len(text)) + text + b"\0"
        elif first == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif first == "v":
            self.put("g", value[0])
            self.put(*value)
        elif first == "a":
            self.put_array(kind[1:], value)
        else:
            for inner, item in zip(split_types(kind[1:-1]), value):
                self.put(inner, item)

    def put_array(self, kind, values):
        at = len(self.data)
        self.data += b"\0\0\0\0"
        self.pad(ALIGN[kind[0]])
        start = len(self.data)
        for value in values.items() if isinstance(values, dict) else values:
            self.put(kind, value)
        struct.pack_into("<I", self.data, at, len(self.data) - start)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def pad(self, size):
        self.at += -self.at % size

    def get(self, kind):
        first = kind[0]
        self.pad(ALIGN[first])
        if first in FIXED:
            form, size = FIXED[first]
            value = struct.unpack_from("<" + form, self.data, self.at)[0]
            self.at += size
            return bool(value) if first == "b" else value
        if first in "sog":
            size = self.data[self.at] if first == "g" else struct.unpack_from("<I", self.data, self.at)[0]
            self.at += 1 if first == "g" else 4
            text = bytes(self.data[self.at:self.at + size]).decode()
            self.at += size + 1
            return text
        if first == "v":
            return self.get(self.get("g"))
        if first == "a":
            return self.get_array(kind[1:])
        return tuple(self.get(inner) for inner in split_types(kind[1:-1]))

    def get_array(self, kind):
        size = struct.unpack_from("<I", self.data, self.at)[0]
        self.at += 4
        self.pad(ALIGN[kind[0]])
        end, values = self.at + size, []
        while self.at < end:
            values.append(self.get(kind))
        return dict(values) if kind[0] == "{" else values


class Message:
    def __init__(self, kind, serial, fields, body):
        self.kind, self.serial, self.body = kind, serial, body
        self.path, self.interface, self.member = fields.get(1), fields.get(2), fields.get(3)
        self.error, self.reply_to, self.sender = fields.get(4), fields.get(5), fields.get(7)

    def result(self):
        """The arguments of a return; raises what an error reply says."""
        if self.kind == ERROR:
            raise BusError(self.error, self.body[0] if self.body else "")
        return self.body


class Bus:
    def __init__(self, path="/run/dbus/system_bus_socket", descriptors=False):
        """descriptors: reply() may send some."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.serial, self.buffer, self.replies, self.signals, self.calls = 0, bytearray(), {}, [], []
        self.socket.send(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        if not self.socket.recv(4096).startswith(b"OK"):
            raise OSError("the bus does not let us in")
        if descriptors:
            self.socket.send(b"NEGOTIATE_UNIX_FD\r\n")
            if not self.socket.recv(4096).startswith(b"AGREE"):
                raise OSError("the bus passes no descriptors on")
        self.socket.send(b"BEGIN\r\n")
        self.name = self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")[0]

    def start(self, destination, path, interface, member, signature="", *arguments):
        """Sends a call. Returns its serial number, for finish()."""
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member)), (6, ("s", destination))]
        return self._send(CALL, fields, signature, arguments)

    def emit(self, path, interface, member, signature="", *arguments, destination=None):
        """A signal, to everybody who listens or to DESTINATION alone."""
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member))]
        if destination:
            fields.append((6, ("s", destination)))
        self._send(SIGNAL, fields, signature, arguments)

    def reply(self, call, signature="", *arguments, descriptors=()):
        """The answer to one of .calls; an "h" in SIGNATURE is an index into DESCRIPTORS."""
        fields = [(5, ("u", call.serial)), (6, ("s", call.sender))]
        if descriptors:
            fields.append((9, ("u", len(descriptors))))
        self._send(RETURN, fields, signature, arguments, descriptors)

    def refuse(self, call, name, text):
        self._send(ERROR, [(4, ("s", name)), (5, ("u", call.serial)), (6, ("s", call.sender))], "s", [text])

    def _send(self, kind, fields, signature, arguments, descriptors=()):
        self.serial += 1
        body, head = Writer(), Writer()
        for inner, value in zip(split_types(signature), arguments):
            body.put(inner, value)
        if signature:
            fields.append((8, ("g", signature)))
        head.data += struct.pack("<BBBBII", ord("l"), kind, 0, 1, len(body.data), self.serial)
        head.put("a(yv)", fields)
        head.pad(8)
        if descriptors:
            socket.send_fds(self.socket, [head.data + body.data], list(descriptors))
        else:
            self.socket.sendall(head.data + body.data)
        return self.serial

    def finish(self, serial, timeout=PATIENCE):
        """Waits for the answer: its arguments, or BusError."""
        while serial not in self.replies:
            self.receive(timeout)
        return self.replies.pop(serial).result()

    def done(self, serial):
        """Is the answer there? Does not wait."""
        self.drain()
        return serial in self.replies

    def drain(self):
        """Takes in all that has come: behind it, select() on the socket tells of what is new."""
        while True:
            message = self._parse()  # what has come with another message first
            if message is not None:
                self._file(message)
            elif select.select([self.socket], [], [], 0)[0]:
                self._fill()
            else:
                return

    def call(self, *arguments):
        return self.finish(self.start(*arguments))

    def match(self, rule):
        self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule)

    def receive(self, timeout=PATIENCE):
        """Takes one message in."""
        message = self._parse()
        while message is None:
            if not select.select([self.socket], [], [], timeout)[0]:
                raise TimeoutError("nothing comes from the bus")
            self._fill()
            message = self._parse()
        self._file(message)

    def _fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the bus has hung up")
        self.buffer += data

    def _file(self, message):
        if message.kind == SIGNAL:
            self.signals.append(message)
        elif message.kind in (RETURN, ERROR):
            self.replies[message.reply_to] = message
        else:
            self.calls.append(message)

    def _parse(self):
        if len(self.buffer) < 16:
            return None
        kind, = struct.unpack_from("<B", self.buffer, 1)
        body_size, serial, fields_size = struct.unpack_from("<III", self.buffer, 4)
        start = (16 + fields_size + 7) & ~7
        if len(self.buffer) < start + body_size:
            return None
        reader = Reader(self.buffer)
        reader.at = 12
        fields = dict(reader.get("a(yv)"))
        body = Reader(bytes(self.buffer[start:start + body_size]))
        arguments = [body.get(inner) for inner in split_types(fields.get(8, ""))]
        del self.buffer[:start + body_size]
        return Message(kind, serial, fields, arguments)
