"""What the participants of definitions/hello.xml do: each changes the fields of the task that it is given."""


def greet(fields):
    fields["greeting"] = "Hello " + fields["customer"]


def shorten(fields):
    fields["greeting"] = fields["greeting"][:17] + "..."


PARTICIPANTS = {"greeter": greet, "shortener": shorten}
