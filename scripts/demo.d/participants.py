"""The participants of definitions/example1.xml. Each one changes the fields of its task."""

CALLED = """<process name="called">
  <context><property name="inner" type="str">ran</property></context>
  <action participant="inner_participant"/>
</process>"""


def setting(**changes):
    """A participant that sets these fields."""
    return lambda fields: fields.update(changes)


def raise_counter(fields):
    fields["counter"] += 1


WORK = {
    "participant1": setting(greeting="hello", route="second"),
    "participant2": setting(some_process=CALLED),
    "participant3": setting(routed=False),  # its case does not hold, so it is never called
    "participant4": setting(routed=True),
    "participant5": raise_counter,
    "participant6": setting(left=True),
    "participant7": setting(right=True),
    "participant8": setting(),
    "inner_participant": setting(inner_done=True),
}


def aloud(name, work):
    """The same participant, which also prints what it did."""

    def participant(fields):
        before = dict(fields)
        work(fields)
        changed = {key: value for key, value in fields.items() if key not in before or before[key] != value}
        print(f"  {name}: sets {changed}" if changed else f"  {name}: changes nothing", flush=True)

    return participant


PARTICIPANTS = {name: aloud(name, work) for name, work in WORK.items()}
