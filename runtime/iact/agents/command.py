"""Any program as an agent: what it is given, what it answers, and what is kept of its answer.

The program reads its task as JSON on standard input and writes its decision as JSON on standard output. Both have a
published schema (`catalog/schemas/command-task.schema.json`, `command-decision.schema.json`). What it decides is kept
in the receipt as facts, and the rules of the agent that asked it decide what follows: a program never moves a run.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from iact.agents.program import Ended, Stopped, is_leaving, run
from iact.core import document_schema as documents
from iact.core import instants, quantities
from iact.core.docstrings import purpose
from iact.core.problems import Problems
from iact.core.quantities import Quantity, duration, number, share
from iact.core.readers import TextReader
from iact.core.registry import OutcomeUnknownError, Receipt, TryAgainError
from iact.core.secret_values import looks_like_secret
from iact.core.shape import AtLeastOne, Duration, Within, build, part, schema_of
from iact.core.tree import from_plain

if TYPE_CHECKING:
    from iact.core.facts import FactSet, FactValue
    from iact.engine.context import ActionContext

LONGEST_NUMBER: Final = 100
"""Digits of a number that a program answers: exact numbers of millions of digits would keep a processor for minutes."""
LARGEST_ANSWER: Final = 1_000_000
"""Bytes that a program may write on standard output."""
LONGEST_TEXT: Final = 4_000
"""Characters of a text that are kept; the journal holds what a decision read, not what a program logs."""
MOST_FACTS: Final = 100
TASK_FILE: Final = "command-task.schema.json"
DECISION_FILE: Final = "command-decision.schema.json"
TASK_FORMAT: Final = "iact/command-task/v1"

VariableName: TypeAlias = Annotated[
    str, TextReader("the name of an environment variable, such as PATH", r"^[A-Za-z_][A-Za-z0-9_]*$")
]
FactKey: TypeAlias = Annotated[
    str, TextReader("a name of lower-case words, such as tests_passed", r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$")
]
Sentence: TypeAlias = Annotated[str, TextReader("a sentence for people", r"\S")]
_OWN: Final = frozenset({"decision", "confidence", "reason", "outcome", "request_id", "message"})


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class CommandArguments:
    """What `do: command` is told.

    Attributes:
        run: the program and its arguments; there is no shell. One with a slash is found from the project's folder.
        task: what it is to do, handed on as it is written.
        timeout: how long it may take; then it and all that it has started are ended.
        environment: the variables of the environment that it sees; left out, none.
        on_unknown: what becomes of an attempt of which nobody knows whether it was made: `repeat` it, or `review`.
    """

    run: AtLeastOne[str]
    task: Mapping[str, Any] = field(default_factory=dict)
    timeout: Duration = duration(timedelta(minutes=5))
    environment: tuple[VariableName, ...] = ()
    on_unknown: Literal["review", "repeat"] = "review"


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDecision:
    """What a program answers on standard output.

    Attributes:
        decision: whether to go on (`GO`), to stop (`NO-GO`), or to ask a person (`ESCALATE`).
        reason: why, as a sentence for people.
        confidence: how sure it is, from 0 to 1; left out where that means nothing.
        outcome: what came of a deployment, where it was one.
        facts: what it found, by name: a text, a number, true or false. A text such as `95%` or `48h` is an amount.
    """

    decision: Literal["GO", "NO-GO", "ESCALATE"]
    reason: Sentence
    confidence: Annotated[Decimal, Within(0, 1)] | None = None
    outcome: Literal["SUCCESS", "FAILED"] | None = None
    facts: Mapping[FactKey, bool | Decimal | str] = field(default_factory=dict)


class CommandError(Exception):
    """A program that could not be run, or answered no decision; the message says what to do."""


def perform(arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
    """Run the program, and return what it decided.

    Args:
        arguments: as `do: command` is told them (`CommandArguments`).
        context: the run that asks.

    Raises:
        TryAgainError: if others went on with the run meanwhile, so that the program was not started; or if it was ended
            because this process is ending, and the rule lets it run again.
        OutcomeUnknownError: if it was ended for that reason, and the rule does not.
    """
    told = arguments_of(arguments)
    request_id = request_of(context)
    if not context.is_wanted():
        message = "others went on with the run before its program was started"
        raise TryAgainError(message)
    if is_leaving():
        message = "iact was told to stop before this program was started"
        raise TryAgainError(message)
    folder = Path(context.services.get("folder", "."))
    try:
        ended = run(
            _command(told.run, folder),
            folder=folder,
            environment=_environment(told.environment),
            given=json.dumps(task_of(told, context, request_id), ensure_ascii=False).encode(),
            timeout=told.timeout.timedelta,
            most=LARGEST_ANSWER,
        )
        if ended.stopped is Stopped.LEAVING:
            raise _cut_short(told)
        decision = _decision_of(ended, told)
    except CommandError as error:
        return Receipt(succeeded=False, detail={"request_id": request_id}, message=str(error))
    except OSError as error:
        message = f"{told.run[0]} cannot be started: {error.strerror}. Is it a program, and may it be run?"
        return Receipt(succeeded=False, detail={"request_id": request_id}, message=message)
    return receipt_of(decision, request_id)


def _cut_short(told: CommandArguments) -> Exception:
    """Return what is said of a program that was ended because this process is ending."""
    message = f"{told.run[0]} took longer than iact waits once it was told to stop, and was ended"
    if told.on_unknown == "repeat":
        return TryAgainError(message)
    return OutcomeUnknownError(f"{message}. `on_unknown: repeat` would let it run again")


def arguments_of(arguments: Mapping[str, Any]) -> CommandArguments:
    """Return arguments that were checked before; those of an older run may not be what they were.

    Raises:
        ValueError: if they are not.
    """
    problems = Problems()
    told = build(CommandArguments, from_plain(dict(arguments)), problems)
    if told is None:
        raise ValueError(" ".join(problem.message for problem in problems))
    return told


def request_of(context: ActionContext) -> str:
    """Return the identifier of a request: the one that the run was started with, else a new one."""
    given = context.inputs["input.request_id"].value
    return given if isinstance(given, str) and given else f"req-{uuid.uuid4()}"


def task_of(told: CommandArguments, context: ActionContext, request_id: str) -> dict[str, Any]:
    """Return what a program is given, as JSON data."""
    return {
        "format": TASK_FORMAT,
        "request_id": request_id,
        "key": context.key,
        "run": context.run,
        "subject": context.subject,
        "now": instants.write(context.now),
        "task": dict(told.task),
        "inputs": _plain(context.inputs, "input."),
        "remembered": _plain(context.remembered, ""),
    }


def _plain(facts: FactSet, prefix: str) -> dict[str, Any]:
    """Return facts as JSON data, amounts as they are written in rules; what is not known is null."""
    return {fact.name.removeprefix(prefix): _plain_value(fact.value) for fact in facts}


def _plain_value(value: FactValue | None) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    return str(value) if isinstance(value, Quantity) else dict(value)


def _command(written: tuple[str, ...], folder: Path) -> list[str]:
    program = written[0]
    path = folder / program if "/" in program else shutil.which(program)
    if path is None or not Path(path).is_file():
        where = "in the project" if "/" in program else "on the PATH"
        message = f"there is no program {program} {where}. Put it there, or mend `run`."
        raise CommandError(message)
    return [str(Path(path).absolute()), *written[1:]]


def _environment(names: tuple[str, ...]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        message = (
            f"the environment has no {', '.join(missing)}. Set it where iact runs, or remove it from `environment`."
        )
        raise CommandError(message)
    return {name: os.environ[name] for name in names}


def _decision_of(ended: Ended, told: CommandArguments) -> CommandDecision:
    program = told.run[0]
    if ended.stopped is Stopped.TIME:
        message = f"{program} was stopped after {told.timeout}. Give it more time (`timeout`), or less to do."
        raise CommandError(message)
    if ended.stopped is Stopped.OUTPUT:
        message = f"{program} wrote more than {LARGEST_ANSWER:,} bytes; what is no decision belongs on standard error."
        raise CommandError(message)
    if ended.code:
        ending = f"was killed by {ended.signal}" if ended.signal else f"ended with exit code {ended.code}"
        said = f"{program} {ending}{_last_words(ended.errors)}"
        message = f"{said}. A program that decides, NO-GO too, ends with 0."
        raise CommandError(message)
    return decision_from(program, ended.output)


def decision_from(program: str, answer: bytes) -> CommandDecision:
    """Return what a program answered.

    Raises:
        CommandError: if that is no decision; the message says what was expected.
    """
    try:
        plain = json.loads(answer.decode("utf-8"), parse_float=_number, parse_int=_number, parse_constant=_refuse)
        json.dumps(plain, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        message = f"{program} answered text with half of a surrogate pair, which is no text (RFC 8259, section 8.2)."
        raise CommandError(message) from None
    except UnicodeDecodeError:
        message = f"{program} answered what is not UTF-8 text; expected a decision as JSON."
        raise CommandError(message) from None
    except (json.JSONDecodeError, RecursionError) as error:
        found = "nothing" if not answer.strip() else f"no JSON ({error})"
        message = f"{program} answered {found}; expected one decision as JSON on standard output."
        raise CommandError(message) from None
    problems = Problems()
    decision = build(CommandDecision, from_plain(plain), problems)
    if decision is None:
        told = " ".join(f"{problem.message} {problem.hint}".rstrip() for problem in problems)
        message = f"{program} answered no decision: {told} Its schema is {DECISION_FILE}."
        raise CommandError(message)
    taken = sorted(set(decision.facts) & _OWN)
    if taken or len(decision.facts) > MOST_FACTS:
        wrong = f"the fact {taken[0]} has a name of the receipt's own" if taken else f"more than {MOST_FACTS} facts"
        message = f"{program} answered no decision: {wrong}."
        raise CommandError(message)
    return decision


def _number(written: str) -> int | Decimal:
    """Return a number that an answer holds, exactly.

    Raises:
        json.JSONDecodeError: if it has so many digits that calculating with it would take for ever.
    """
    found = Decimal(written) if len(written) <= LONGEST_NUMBER else None
    if found is None or abs(found.adjusted()) > LONGEST_NUMBER:
        message = f"{written[:20]}… is a number of more than {LONGEST_NUMBER} digits"
        raise json.JSONDecodeError(message, written, 0)
    return int(written) if written.lstrip("-").isdigit() else found


def _refuse(constant: str) -> Any:
    message = f"{constant} is no number that JSON has"
    raise json.JSONDecodeError(message, constant, 0)


def receipt_of(decision: CommandDecision, request_id: str) -> Receipt:
    """Return what is kept of a decision; its facts are named `receipt.…`, its words are in lower case."""
    detail: dict[str, Any] = {name: _fact_value(value) for name, value in decision.facts.items()}
    detail |= {"decision": decision.decision.lower(), "reason": _cut(decision.reason), "request_id": request_id}
    if decision.confidence is not None:
        detail["confidence"] = share(decision.confidence)
    if decision.outcome is not None:
        detail["outcome"] = decision.outcome.lower()
    sure = f" ({share(decision.confidence)} sure)" if decision.confidence is not None else ""
    return Receipt(succeeded=True, detail=detail, message=f"{decision.decision}{sure}: {_cut(decision.reason)}")


def _fact_value(value: bool | Decimal | str) -> FactValue:  # noqa: FBT001 - a fact's value may be a boolean
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        return number(Fraction(value))
    try:
        amount = quantities.parse(value)
    except ValueError:
        return _cut(value)
    # A text of digits is a text: a version or a number of a ticket is not counted.
    return _cut(value) if amount.dimension is quantities.Dimension.NUMBER else amount


def _cut(text: str) -> str:
    """Return a text as the journal may keep it: not too long, and no secret."""
    if looks_like_secret(text):
        return "(not kept: it may hold a secret)"
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _last_words(errors: bytes) -> str:
    """Return the last line that was written on standard error, unless it may hold a secret."""
    lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    return (
        " (its last words may hold a secret, and are not shown)" if looks_like_secret(lines[-1]) else f": {lines[-1]}"
    )


def decision_schema() -> dict[str, Any]:
    """Return the JSON Schema of what a program answers."""
    return {"$schema": documents.DIALECT, "title": "Decision of a command", **schema_of(CommandDecision)}


def task_schema() -> dict[str, Any]:
    """Return the JSON Schema of what a program is given; later versions may add keys."""
    said = documents.said
    values = {"type": "object", "additionalProperties": {"type": ["string", "boolean", "object", "null"]}}
    properties = {
        "format": {"const": TASK_FORMAT},
        "request_id": said("identifies the request in every record of it.", documents.TEXT),
        "key": said("the same at every attempt, and for no other task.", documents.TEXT),
        "run": said("the run that asks.", documents.TEXT),
        "subject": said("what the run is about.", documents.TEXT),
        "now": said("the moment of the attempt.", documents.MOMENT),
        "task": said("what is to be done, as the rule says it.", {"type": "object"}),
        "inputs": said("what the run was started with; amounts as rules write them.", values),
        "remembered": said("the facts that the run carries on with.", values),
    }
    return {
        "$schema": documents.DIALECT,
        "title": "Task of a command",
        "description": purpose(CommandArguments).replace("What `do: command` is told.", "What a program is given."),
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
