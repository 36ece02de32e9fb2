"""Watches the parts of an expression as it is evaluated: which constructs occur, which of them give a value, and the kinds
of values that operators meet.
"""
import ast
import datetime
import string

KINDS = {
    type(None): "None", bool: "bool", int: "int", float: "float", str: "str", list: "list", tuple: "tuple",
    dict: "dict", set: "set", datetime.datetime: "datetime", datetime.date: "date", datetime.time: "time",
    datetime.timedelta: "timedelta", datetime.timezone: "timezone",
}
OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.And: "and", ast.Or: "or",
    ast.USub: "unary -", ast.UAdd: "unary +", ast.Invert: "~", ast.Not: "not",
}
# Where the order of a set does not show.
INDIFFERENT = {"len", "sorted", "any", "all", "bool", "set", "isinstance", "type"}
SET_METHODS = {
    "union", "intersection", "difference", "symmetric_difference", "issubset", "issuperset", "isdisjoint",
}


def has_big(value, depth=0):
    if isinstance(value, int):
        return not -(2**63) <= value < 2**63
    if isinstance(value, datetime.timedelta):
        return abs(value // datetime.timedelta(microseconds=1)) >= 2**63
    if depth > 20:
        return False
    if isinstance(value, (list, tuple, set)):
        return any(has_big(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return any(has_big(key) or has_big(item, depth + 1) for key, item in value.items())
    return False


def has_set(value):
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, set) or has_set(item) for item in value)
    return isinstance(value, dict) and any(isinstance(item, set) or has_set(item) for item in value.values())


def kind(value):
    known = KINDS.get(type(value))
    return "big" if known == "int" and has_big(value) else known


def is_template(node):
    """Whether this is `"…" % values`."""
    left = node.left if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) else None
    return isinstance(left, ast.Constant) and isinstance(left.value, str)


def spec_parts(text):
    """The parts of a format specification."""
    parts = []
    if len(text) > 1 and text[1] in "<>^=":
        parts += ["format fill", f"format align {text[1]}"]
        text = text[2:]
    elif text and text[0] in "<>^=":
        parts.append(f"format align {text[0]}")
        text = text[1:]
    for mark, name in (("+- ", "sign"), ("#", "prefix"), ("0", "zero")):
        if text and text[0] in mark:
            parts.append(f"format {name}" + (f" {text[0]!r}" if name == "sign" else ""))
            text = text[1:]
    if text and text[0].isdigit():
        parts.append("format width")
        text = text.lstrip("0123456789")
    if text and text[0] in ",_":
        parts.append(f"format grouping {text[0]}")
        text = text[1:]
    if text.startswith("."):
        parts.append("format precision")
        text = text[1:].lstrip("0123456789")
    return parts + [f"format letter {text or 'none'}"]


def percent_parts(text):
    rest, parts = text, []
    while "%" in rest:
        rest = rest.split("%", 1)[1]
        if rest.startswith("("):
            parts.append("% name")
            rest = rest.split(")", 1)[1]
        flags = rest[: len(rest) - len(rest.lstrip("-+ #0123456789."))]
        parts += [f"% flag {flag!r}" for flag in "-+ #0" if flag in flags.rstrip("123456789.")[:2]]
        rest = rest[len(flags) :]
        parts.append("% letter " + rest[:1])
        rest = rest[1:]
    return parts


def braces_parts(text):
    parts = []
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        first = name.split("[")[0]
        parts.append("braces automatic" if not first else "braces number" if first.isdigit() else "braces name")
        parts += ["braces key"] * ("[" in name)
        parts += [f"braces !{conversion}"] * bool(conversion)
        parts += spec_parts(spec) if spec else []
    return parts


class Watch(ast.NodeTransformer):
    """The tree with a call around each part; `names` has what these calls need."""

    def __init__(self, body):
        self.descriptions = []
        self.done = set()
        self.found_pairs = {}
        self.big = self.order = False
        self.names = {"watch_value": self.value, "watch_left": self.left, "watch_right": self.right}
        self.lefts = {}
        for parent in ast.walk(body):
            for child in ast.iter_child_nodes(parent):
                child.parent = parent
        body.parent = None
        self.tree = self.visit(body)

    def seen(self):
        return [[what, number in self.done] for number, parts in enumerate(self.descriptions) for what in parts]

    def pairs(self):
        found = []
        for (number, operator, left, right) in self.found_pairs:
            gave = number in self.done or operator in ("and", "or")
            found.append([operator, left, right, gave])
        return found

    # While it is evaluated.

    def value(self, number, shows, value):
        self.done.add(number)
        self.big = self.big or has_big(value)
        self.order = self.order or shows and isinstance(value, set) and len(value) > 1 or has_set(value)
        return value

    def left(self, number, value):
        self.lefts[number] = kind(value)
        return value

    def right(self, number, operator, value):
        pair = (number, operator, self.lefts.get(number), kind(value))
        if pair[2] and pair[3]:
            self.found_pairs[pair] = True
        self.lefts[number] = kind(value)
        return value

    # While it is made.

    def call(self, name, arguments, node):
        call = ast.Call(ast.Name(name, ast.Load()), arguments, [])
        return ast.copy_location(call, node)

    def visit(self, node):
        # The name of a type or of all fields.
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node
        describe = getattr(self, "describe_" + type(node).__name__, None)
        if describe is None or isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            return self.generic_visit(node)
        number = len(self.descriptions)
        self.descriptions.append(describe(node))
        shows = not self.indifferent(node)
        self.generic_visit(node)
        self.operands(number, node)
        arguments = [ast.Constant(number), ast.Constant(shows), node]
        return self.call("watch_value", arguments, node)

    def generic_visit(self, node):
        # A function's name, a template's text and a format are no values.
        if isinstance(node, ast.JoinedStr):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    part.value = self.visit(part.value)
            return node
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                if not isinstance(node.func.value, ast.Constant) or node.func.attr != "format":
                    node.func.value = self.visit(node.func.value)
            node.args = [self.argument(node, argument) for argument in node.args]
            for keyword in node.keywords:
                keyword.value = self.argument(node, keyword.value)
            return node
        if is_template(node):
            node.right = self.visit(node.right)
            return node
        return super().generic_visit(node)

    def argument(self, call, argument):
        if isinstance(argument, (ast.Name, ast.Attribute)) and self.function(call) in ("map", "filter", "isinstance", "sorted", "min", "max"):
            return argument
        return self.visit(argument)

    def operands(self, number, node):
        left = lambda value: self.call("watch_left", [ast.Constant(number), value], node)

        def right(operator, value):
            name = ast.Constant(OPERATORS[type(operator)])
            return self.call("watch_right", [ast.Constant(number), name, value], node)

        if isinstance(node, ast.BinOp) and not is_template(node):
            node.left, node.right = left(node.left), right(node.op, node.right)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            node.left, node.comparators = left(node.left), [right(node.ops[0], node.comparators[0])]
        elif isinstance(node, ast.BoolOp):
            first, *others = node.values
            node.values = [left(first)] + [right(node.op, value) for value in others]

    def function(self, node):
        if isinstance(node, ast.Call):
            return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else None

    def indifferent(self, node):
        parent = node.parent
        if isinstance(parent, (ast.Compare, ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.IfExp, ast.NamedExpr)):
            return not (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod))
        if parent is None:
            return True
        if isinstance(parent, ast.Attribute):
            return parent.attr in SET_METHODS
        name = self.function(parent)
        return name in SET_METHODS or name in INDIFFERENT and not getattr(parent, "keywords", None)

    # What each construct is called in the table of what was covered.

    def describe_BoolOp(self, node):
        return ["operator " + OPERATORS[type(node.op)]]

    def describe_BinOp(self, node):
        if is_template(node):
            return ["% formatting"] + percent_parts(node.left.value)
        return self.describe_BoolOp(node)

    describe_UnaryOp = describe_BoolOp

    def describe_Compare(self, node):
        chain = ["chain of comparisons"] if len(node.ops) > 1 else []
        return chain + ["operator " + OPERATORS[type(operator)] for operator in node.ops]

    def describe_IfExp(self, node):
        return ["conditional expression"]

    def describe_Constant(self, node):
        return ["literal " + (kind(node.value) or "other")]

    def describe_Subscript(self, node):
        return ["slice" if isinstance(node.slice, ast.Slice) else "index"]

    def describe_Attribute(self, node):
        return ["attribute " + node.attr]

    def describe_NamedExpr(self, node):
        return ["assignment :="]

    def display(name):
        def describe(self, node):
            starred = any(isinstance(item, ast.Starred) for item in node.elts)
            return [name] + ["* in a display"] * starred

        return describe

    describe_List = display("list")
    describe_Tuple = display("tuple")
    describe_Set = display("set")

    def describe_Dict(self, node):
        return ["dict"] + ["** in a dict"] * any(key is None for key in node.keys)

    def comprehension(name):
        def describe(self, node):
            loops = node.generators
            parts = [name] + ["several for"] * (len(loops) > 1)
            parts += ["if in a loop"] * any(loop.ifs for loop in loops)
            return parts + ["several loop variables"] * any(isinstance(loop.target, ast.Tuple) for loop in loops)

        return describe

    describe_ListComp = comprehension("list comprehension")
    describe_SetComp = comprehension("set comprehension")
    describe_DictComp = comprehension("dict comprehension")
    describe_GeneratorExp = comprehension("generator")

    def describe_JoinedStr(self, node):
        parts = ["f-string"]
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                parts += ["f-string !" + chr(part.conversion)] if part.conversion > 0 else []
                if part.format_spec and part.format_spec.values:
                    parts += spec_parts(part.format_spec.values[0].value)
        return parts

    def describe_Call(self, node):
        arguments = node.args + [keyword.value for keyword in node.keywords]
        parts = ["lambda"] * any(isinstance(argument, ast.Lambda) for argument in arguments)
        parts += ["* in a call"] * any(isinstance(argument, ast.Starred) for argument in arguments)
        named = isinstance(node.func, ast.Name)
        name = ("function " if named else "method ") + str(self.function(node))
        parts += [name] + [f"{name} {keyword.arg}=" for keyword in node.keywords if keyword.arg and self.function(node) not in ("dict", "format")]
        if name == "method format":
            return parts + braces_parts(node.func.value.value)
        if name == "function format" and len(node.args) > 1:
            parts += spec_parts(node.args[1].value)
        return parts
