"""Writes src/helpers/unicode.txt: what CPython knows of characters, as ranges. Run by hand, with the pinned Python:

    python3 runtime/expression/tests/reference/unicode_tables.py >runtime/expression/src/helpers/unicode.txt

A property is a line of ranges in which it holds; a mapping a line of `first-last+delta`, with `/2` for every second code
point, or `code=code,code` for what becomes several.
"""
import sys
import unicodedata

CODES = [code for code in range(128, 0x110000) if not 0xD800 <= code < 0xE000]


def cased(c):
    return (c + "a").title()[-1] == "a"


def ignorable(c):
    final = lambda text: text.lower()[-1] == "\u03c2"
    return final("A" + c + "\u03a3") and not final("1" + c + "\u03a3")


PROPERTIES = {
    "alpha": str.isalpha,
    "decimal": str.isdecimal,
    "digit": str.isdigit,
    "numeric": str.isnumeric,
    "alnum": str.isalnum,
    "lowercase": str.islower,
    "uppercase": str.isupper,
    "titlecase": lambda c: c.istitle() and not c.isupper(),
    "cased": cased,
    "ignorable": ignorable,
    "printable": str.isprintable,
}
MAPPINGS = {"lower": str.lower, "upper": str.upper, "title": str.title, "fold": str.casefold}


def ranges(holds):
    found = []
    for code in CODES:
        if holds(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return [f"{a:x}-{b:x}" for a, b in found]


def mapping(of):
    runs, several = [], []
    for code in CODES:
        to = of(chr(code))
        if to == chr(code):
            continue
        if len(to) > 1:
            several.append(f"{code:x}=" + ",".join(f"{ord(c):x}" for c in to))
            # A run does not go on across it, so that no two ranges overlap.
            runs and runs[-1].update(open=False)
            continue
        delta = ord(to) - code
        last = runs[-1] if runs else None
        if last and last["open"] and last["delta"] == delta and code - last["end"] == 1 and last["step"] in (0, 1):
            last.update(end=code, step=1)
        elif last and last["open"] and last["delta"] == delta and code - last["end"] == 2 and last["step"] in (0, 2):
            last.update(end=code, step=2)
        else:
            runs.append({"start": code, "end": code, "delta": delta, "step": 0, "open": True})
    plain = [
        "{start:x}-{end:x}{every}{delta:+x}".format(every="/2" if run["step"] == 2 else "", **run) for run in runs
    ]
    return plain + several


version = f"Unicode {unicodedata.unidata_version}, as CPython {sys.version_info[0]}.{sys.version_info[1]} has it"
print(f"# {version}; made by tests/reference/unicode_tables.py.")
for name, holds in PROPERTIES.items():
    print(name, *ranges(holds))
for name, of in MAPPINGS.items():
    print(name, *mapping(of))
