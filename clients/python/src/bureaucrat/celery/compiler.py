"""Makes a process definition of a canvas.

| canvas | definition |
| --- | --- |
| a task | `<action via="celery">`; its result goes to the field that the next one reads |
| `chain` | its steps one after the other; a result is the first argument of the next step |
| `group` | a `<foreach parallel="0">`, whose results are a list in the order of the tasks |
| `chord` | the header as a group, then the body with the list |
| `map`, `starmap` | a `<foreach>`, one task for each item, one after the other |
| `chunks` | a group of such loops |
| `link` | a branch of its own, next to what follows the task; a fault in it is ignored |
| `link_error` | a handler that runs the signature with the id of the failed activity and throws the fault again |

Results pass through loops instead of lists in expressions, because only then may they be of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from celery.canvas import Signature, maybe_signature

from .literals import CanvasError, Literals, attribute, expression_of_field
from .options import TaskOptions, read_options

DEFINITION_BYTES_MAX = 1 << 20
RESULT = "result"
Element = ElementTree.Element


@dataclass(frozen=True)
class Inputs:
    """What comes before the arguments of a signature, unless it is immutable: expressions."""

    args: tuple[str, ...] = ()
    kwargs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of a group, which win over those of its tasks."""


def compile_canvas(
    canvas: Signature, name: str | None = None, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> str:
    """The definition. `args` and `kwargs` complete a partial signature."""
    compiler = _Compiler(canvas.app)
    literals = compiler.literals
    inputs = Inputs(
        tuple(literals.expression(value) for value in args),
        {key: literals.expression(value) for key, value in (kwargs or {}).items()},
    )
    steps = compiler.signature(canvas, inputs, RESULT)
    root = Element("process", {"name": attribute(name)} if name else {})
    if literals.properties:
        # Fields of a sequence, so that only the result is left at the end.
        sequence = ElementTree.SubElement(root, "sequence")
        sequence.append(_context(literals.properties))
        sequence.extend(steps)
    else:
        root.extend(steps)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    size = len(text.encode())
    if size > DEFINITION_BYTES_MAX:
        raise CanvasError(
            f"the canvas makes a definition of {size:,} bytes; the engine accepts {DEFINITION_BYTES_MAX:,}: "
            "pass large arguments by reference, such as a key in a database"
        )
    return text


class _Compiler:
    def __init__(self, app: Any) -> None:
        self.app = app
        self.literals = Literals()
        self._loops = 0

    def signature(self, canvas: Any, inputs: Inputs, target: str | None) -> list[Element]:
        """The activities for a signature, whose result goes to the field `target`."""
        signature = maybe_signature(canvas, app=self.app)
        if not isinstance(signature, Signature):
            raise CanvasError(f"{canvas!r:.80} is not a signature")
        kinds = {
            "celery.chain": self._chain,
            "celery.group": self._group,
            "celery.chord": self._chord,
            "celery.map": self._map,
            "celery.starmap": self._map,
            "celery.chunks": self._chunks,
        }
        compile_kind = kinds.get(signature.task)
        if signature.immutable:
            inputs = Inputs(options=inputs.options)
        if compile_kind is None:
            return self._task(signature, inputs, target, ())
        return compile_kind(signature, inputs, target)

    def _task(self, signature: Signature, inputs: Inputs, target: str | None, rest: Iterable[Any]) -> list[Element]:
        """A task, then the rest of its chain."""
        options = read_options(self.app, signature, inputs.options)
        # A link gets the result, so it has to be kept.
        into = target if target is not None or not options.link else self._name("linked")
        action = self._action(signature, inputs, options, into)
        steps = self._delayed(options, _with_handler(action, self._errbacks(options.link_error)))
        following = self._steps(list(rest), into) if rest else []
        callbacks = [self._callback(link, into) for link in options.link]
        if not callbacks:
            return steps + following
        if not following:
            return steps + (callbacks if len(callbacks) == 1 else [_holding("all", callbacks)])
        return [*steps, _holding("all", [_one(following), *callbacks])]

    def _action(self, signature: Signature, inputs: Inputs, options: TaskOptions, into: str | None) -> Element:
        action = Element("action", {"participant": attribute(signature.task), "via": "celery"})
        if into is not None:
            action.set("into", into)
        for key, value in options.attributes.items():
            action.set(key, value)
        arguments = [*inputs.args, *(self.literals.expression(value) for value in signature.args or ())]
        for expression in arguments:
            ElementTree.SubElement(action, "arg").text = expression
        keywords = {key: self.literals.expression(value) for key, value in (signature.kwargs or {}).items()}
        # As Celery merges them: what comes at the call wins.
        for key, expression in {**keywords, **inputs.kwargs}.items():
            ElementTree.SubElement(action, "kwarg", {"name": str(key)}).text = expression
        return action

    def _chain(self, chain: Signature, inputs: Inputs, target: str | None) -> list[Element]:
        tasks = list(chain.kwargs["tasks"])
        if not tasks:
            return []
        options = read_options(self.app, chain, inputs.options, is_task=False)
        first = Inputs((*inputs.args, *self._arguments(chain)), inputs.kwargs, options.passed_on)
        into = target if target is not None or len(tasks) == 1 and not options.link else self._name("step")
        steps = self._steps(tasks, into, first)
        return self._composed(steps, options, into)

    def _steps(self, tasks: list[Any], into: str | None, inputs: Inputs | None = None) -> list[Element]:
        """Tasks one after the other. Without `inputs`, the first one gets the result that is in `into`."""
        head, rest = maybe_signature(tasks[0], app=self.app), tasks[1:]
        previous = Inputs((expression_of_field(into),) if into is not None else ())
        inputs = previous if inputs is None else inputs
        if isinstance(head, Signature) and not head.task.startswith("celery."):
            given = Inputs(options=inputs.options) if head.immutable else inputs
            return self._task(head, given, into, rest)
        if isinstance(head, Signature) and head.task == "celery.group" and len(head.kwargs["tasks"]) == 1:
            steps = self._only_member(head, inputs, into)
        else:
            steps = self.signature(head, inputs, into)
        return steps + (self._steps(rest, into) if rest else [])

    def _only_member(self, group: Signature, inputs: Inputs, target: str | None) -> list[Element]:
        """A group of one in a chain is that one, as for Celery's workers: its result is not in a list."""
        options = read_options(self.app, group, inputs.options, is_task=False)
        given = Inputs((*inputs.args, *self._arguments(group)), inputs.kwargs, options.passed_on)
        return self._composed(self.signature(group.kwargs["tasks"][0], given, target), options, target)

    def _group(self, group: Signature, inputs: Inputs, target: str | None) -> list[Element]:
        options = read_options(self.app, group, inputs.options, is_task=False)
        given = Inputs((*inputs.args, *self._arguments(group)), inputs.kwargs, options.passed_on)
        steps = self._branches(list(group.kwargs["tasks"]), given, target)
        return self._composed(steps, options, target)

    def _chord(self, chord: Signature, inputs: Inputs, target: str | None) -> list[Element]:
        header, body = chord.kwargs["header"], chord.kwargs["body"]
        options = read_options(self.app, chord, inputs.options, is_task=False)
        if isinstance(header, Mapping):
            header = header["kwargs"]["tasks"]
        elif isinstance(header, Signature):
            header = header.tasks
        collected = self._name("collected")
        given = Inputs((*inputs.args, *self._arguments(chord)), inputs.kwargs)
        steps = self._branches(list(header), given, collected)
        if body is not None:
            # Options of a chord are those of its body.
            steps += self.signature(body, Inputs((expression_of_field(collected),), {}, options.passed_on), target)
        return self._composed(steps, options, target)

    def _map(self, mapped: Signature, inputs: Inputs, target: str | None) -> list[Element]:
        # As in Celery, only the task counts of the signature that is mapped, not its arguments.
        task = self._bare(mapped.kwargs["task"])
        items = list(mapped.kwargs["it"])
        unpack = mapped.task == "celery.starmap"
        options = read_options(self.app, mapped, inputs.options, is_task=False)
        calls = [task.clone(args=tuple(item) if unpack else (item,)) for item in items]
        given = Inputs(options=options.passed_on)
        return self._composed(self._branches(calls, given, target, parallel="1"), options, target)

    def _chunks(self, chunks: Signature, inputs: Inputs, target: str | None) -> list[Element]:
        task, items, size = chunks.kwargs["task"], list(chunks.kwargs["it"]), int(chunks.kwargs["n"])
        parts = [items[start : start + size] for start in range(0, len(items), size)]
        options = read_options(self.app, chunks, inputs.options, is_task=False)
        loops = [Signature("celery.starmap", (), {"task": task, "it": part}, app=self.app) for part in parts]
        return self._composed(self._branches(loops, Inputs(options=options.passed_on), target), options, target)

    def _branches(self, tasks: list[Any], inputs: Inputs, target: str | None, parallel: str = "0") -> list[Element]:
        """Tasks at once, or one after the other; `target` becomes the list of their results."""
        signatures = list(self._unrolled(tasks))
        if not signatures:
            return [] if target is None else [_assign(target, "[]")]
        part, item = self._name("part"), self._name("item")
        loop = Element("foreach", {"select": str(list(range(len(signatures)))), "property": item, "parallel": parallel})
        if target is not None:
            loop.set("collect", expression_of_field(part, quote="'"))
            loop.set("into", target)
        loop.append(_context({part: "null"}))
        if _are_alike(signatures):
            # One action for all; what differs is data.
            values = self.literals.property([_item_of(signature) for signature in signatures])
            loop.set("select", expression_of_field(values, quote="'"))
            loop.extend(self._alike(signatures[0], inputs, part, item))
        else:
            switch = ElementTree.SubElement(loop, "switch")
            for number, signature in enumerate(signatures):
                case = ElementTree.SubElement(switch, "case")
                ElementTree.SubElement(case, "condition").text = f"{expression_of_field(item)} == {number}"
                case.extend(self.signature(signature, inputs, part))
        return [loop]

    def _unrolled(self, tasks: Iterable[Any]) -> Iterator[Signature]:
        """The tasks of a group; as in Celery, a group in a group is part of the outer one."""
        for task in tasks:
            signature = maybe_signature(task, app=self.app)
            if isinstance(signature, Signature) and signature.task == "celery.group":
                yield from self._unrolled(signature.kwargs["tasks"])
            else:
                yield signature

    def _alike(self, signature: Signature, inputs: Inputs, part: str, item: str) -> list[Element]:
        """The action that all tasks of a group share; `item` has the arguments of each."""
        place = expression_of_field(item)
        values = f"{place}[0]" if signature.kwargs else place
        args = [place] if _has_one(signature) else [f"{values}[{number}]" for number in range(len(signature.args))]
        kwargs = {key: self.literals.lookup(f"{place}[1]", key) for key in signature.kwargs or {}}
        own = Inputs() if signature.immutable else inputs
        # The task has no arguments of its own any more: all of them are expressions.
        bare = self._bare(signature)
        bare.options.update(signature.options)
        given = Inputs((*own.args, *args), {**kwargs, **own.kwargs}, inputs.options)
        return self._task(bare, given, part, ())

    def _composed(self, steps: list[Element], options: TaskOptions, target: str | None) -> list[Element]:
        """What the options of a chain, group and the like do around its steps."""
        errbacks = self._errbacks(options.link_error) if steps else []
        steps = self._delayed(options, _with_handler(_one(steps), errbacks) if errbacks else steps)
        return steps + [self._callback(link, target) for link in options.link]

    def _delayed(self, options: TaskOptions, steps: list[Element]) -> list[Element]:
        if not options.delay:
            return steps
        return [Element("delay", dict(options.delay)), *steps]

    def _callback(self, link: Any, result: str | None) -> Element:
        """A linked signature gets the result; what goes wrong in it is nobody's business."""
        inputs = Inputs((expression_of_field(result),) if result is not None else ())
        sequence = Element("sequence")
        faults = ElementTree.SubElement(ElementTree.SubElement(sequence, "context"), "faults")
        ElementTree.SubElement(faults, "default")
        sequence.extend(self.signature(link, inputs, None))
        return sequence

    def _errbacks(self, links: Sequence[Any]) -> list[Element]:
        failed = Inputs(('context["inst:process"]["id"] + context["inst:fault"]["activity"]',))
        steps: list[Element] = []
        for link in links:
            signature = maybe_signature(link, app=self.app)
            if isinstance(signature, Signature) and not signature.immutable and self._wants_exception(signature):
                raise CanvasError(
                    f"the error link {signature.task} takes the request, the exception and the traceback, which are "
                    "objects of the failed worker; use an immutable signature, .si(...), or a task that takes "
                    "the id of the failed activity alone"
                )
            steps += self.signature(signature, failed, None)
        return steps

    def _wants_exception(self, signature: Signature) -> bool:
        """Whether Celery would call it with the exception itself: tasks that take more than one argument."""
        from celery.utils.functional import arity_greater

        task = self.app.tasks.get(signature.task)
        header = getattr(task, "__header__", None)
        return header is not None and bool(arity_greater(header, 1 + len(signature.args or ())))

    def _bare(self, task: Any) -> Signature:
        signature = maybe_signature(task, app=self.app)
        return Signature(signature.task, app=self.app)

    def _arguments(self, signature: Signature) -> list[str]:
        return [self.literals.expression(value) for value in signature.args or ()]

    def _name(self, kind: str) -> str:
        """A field of the definition's own."""
        self._loops += 1
        name = f"{kind}{self._loops}"
        if kind not in ("part", "item"):
            self.literals.properties[name] = "null"
        return name


def _are_alike(signatures: Sequence[Signature]) -> bool:
    """Whether all are calls of one task that differ in values only."""
    first = signatures[0]

    def shape(signature: Signature) -> tuple[Any, ...]:
        return (
            signature.task,
            len(signature.args or ()),
            sorted(signature.kwargs or ()),
            signature.options,
            signature.immutable,
        )

    return (
        len(signatures) > 1
        and not first.task.startswith("celery.")
        and not any(first.options.get(name) for name in ("link", "link_error"))
        and all(shape(signature) == shape(first) for signature in signatures)
    )


def _has_one(signature: Signature) -> bool:
    return len(signature.args or ()) == 1 and not signature.kwargs


def _item_of(signature: Signature) -> Any:
    args = list(signature.args or ())
    if _has_one(signature):
        return args[0]
    return [args, dict(signature.kwargs)] if signature.kwargs else args


def _with_handler(element: Element, errbacks: list[Element]) -> list[Element]:
    if not errbacks:
        return [element]
    sequence = Element("sequence")
    faults = ElementTree.SubElement(ElementTree.SubElement(sequence, "context"), "faults")
    default = ElementTree.SubElement(faults, "default")
    default.extend([*errbacks, Element("fault")])
    sequence.append(element)
    return [sequence]


def _one(steps: list[Element]) -> Element:
    return steps[0] if len(steps) == 1 else _holding("sequence", steps)


def _holding(name: str, children: list[Element]) -> Element:
    element = Element(name)
    element.extend(children)
    return element


def _context(properties: Mapping[str, str]) -> Element:
    context = Element("context")
    for name, value in properties.items():
        ElementTree.SubElement(context, "property", {"name": name, "type": "json"}).text = value
    return context


def _assign(target: str, expression: str) -> Element:
    assign = Element("assign", {"property": target})
    assign.text = expression
    return assign
