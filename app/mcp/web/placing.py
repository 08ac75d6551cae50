"""`${PORT}` in the arguments and the environment of a program, and the variable PORT."""

from msgspec.structs import replace

from app.egress.sandbox import Program

PLACE = "${PORT}"


def placed(program: Program, port: int) -> Program:
    """The same program, told to serve this port of its loopback."""
    number = str(port)
    declared = {name: text.replace(PLACE, number) for name, text in program.environment.items()}
    return replace(
        program,
        command=tuple(word.replace(PLACE, number) for word in program.command),
        environment={"PORT": number, **declared},
        port=port,
    )
