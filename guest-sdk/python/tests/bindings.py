"""Exposes what the bindings read, for the table ../../bindings.json."""

import struct

import bureaucrat_guest as fields
from bureaucrat_guest import value, verdict


def place():
    """The place that a case names: by a pointer in /place, or by keys and indexes in /steps."""
    if not fields.is_set("/steps"):
        return fields.text("/place")
    path = ""
    for index in range(fields.items("/steps")):
        kind, step = fields.get(fields.item("/steps", index))
        path = fields.item(path, step) if kind == "Integer" else fields.key(path, step)
    return path


def bits(number):
    return struct.pack(">d", number).hex()


class WitWorld:
    @value
    def read_path(self):
        return place()

    @value
    def read_value(self):
        match fields.get(place()):
            case None:
                return ["nothing"]
            case ("Null", _):
                return ["null"]
            case ("Float", number):
                return ["float", bits(number)]
            case ("BigInteger", number):
                return ["big-integer", str(number)]
            case (kind, payload):
                return [kind.lower(), payload]

    @verdict
    def read_boolean(self):
        return fields.boolean(place())

    @verdict
    def is_set(self):
        return fields.is_set(place())

    @value
    def read_integer(self):
        return fields.integer(place())

    @value
    def read_digits(self):
        return str(int(fields.digits(place())))

    @value
    def read_number(self):
        return bits(fields.number(place()))

    @value
    def read_text(self):
        return fields.text(place())

    @value
    def measure(self):
        """How many characters a text has, and a hash of every 16th."""
        text, hash = fields.text(place()), 0
        for character in text[::16]:
            hash = (hash * 31 + ord(character)) & 0xFFFFFFFF
        return [len(text), hash]

    @value
    def read_items(self):
        return fields.items(place())

    @value
    def read_keys(self):
        return fields.keys(place())

    def read_json(self):
        return fields.json(place())

    @value
    def sum_items(self):
        path = place()
        return sum(fields.integer(fields.item(path, at)) for at in range(fields.items(path)))

    @value
    def sum_values(self):
        path = place()
        return sum(fields.integer(fields.key(path, key)) for key in fields.keys(path))

    @verdict
    def log_words(self):
        for index in range(fields.items("/words")):
            fields.log(fields.text(fields.item("/words", index)))
        raise fields.Fault("Logged: all of them")

    @verdict
    def panics(self):
        raise LookupError("no rates")
