"""A job that names a function of ours, or is refused: whoever reaches the server can write any job (pitfall 49).

rq imports what a job names (its function, and its callbacks), calls methods of the object that it carries, and sends
its results to the addresses in it. Here nothing of that happens: a name is looked up among those that this worker
knows, and the rest is dropped when a job is read.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from rq.exceptions import DeserializationError
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job

from shared.domain.errors import Rejected

_DROPPED = ("success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks")
_NO_JSON = "its data is no JSON: of an older rq, or not ours; what is still due is enqueued again"
_SHOWN = 80


class KnownExecutions(ExecutionRegistry):
    """The executions of a job that rq still has a record of.

    rq 3.0.0 lists one for a minute longer than it keeps its record, and drops the record when a job ends; its own list
    then raises ValueError, and so does `Job.delete`: a job that a killed worker left behind could not be deleted.
    """

    def get_executions(self, start: int = 0, end: int = -1) -> list[Execution]:
        """Return those of which there is a record."""
        found: list[Execution] = []
        for name in self.get_execution_ids(start, end):
            with suppress(ValueError):
                found.append(Execution.fetch(name, self.job_id, self.connection))
        return found


class AllowedJob(Job):
    """A job of a queue; `functions` are those that may be named there, by the path that is stored."""

    functions: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    @property
    def problem(self) -> str:
        """Return why this job must not be run, '' for one of ours."""
        try:
            named, carried = self.func_name, self.instance
        except DeserializationError as error:
            return str(error)
        if carried is not None or not isinstance(named, str) or named not in self.functions:
            return f"it names {str(named)[:_SHOWN]!r}, which this worker does not run"
        return ""

    @property
    def func(self) -> Callable[..., Any]:
        """Return the function that is named; nothing is imported.

        Raises:
            Rejected: it is none of ours.
        """
        if self.problem:
            raise Rejected(f"job {self.id} is refused: {self.problem}")
        return self.functions[str(self.func_name)]

    @property
    def should_retry(self) -> bool:
        """Say whether it is tried again once it failed; a refused one never is."""
        return not self.problem and super().should_retry

    @property
    def execution_registry(self) -> ExecutionRegistry:
        """Return the executions, without those that rq forgot."""
        return KnownExecutions(self.id, connection=self.connection)

    def _deserialize_data(self) -> None:
        """Read what the job names; a job of an rq that pickled is never unpickled.

        Raises:
            DeserializationError: it is no JSON.
        """
        try:
            super()._deserialize_data()
        except DeserializationError as error:
            raise DeserializationError(_NO_JSON) from error

    def restore(self, raw_data: Any) -> Any:  # noqa: ANN401 - rq's own
        """Read a job without the names and addresses that our jobs never have."""
        kept = {name: value for name, value in raw_data.items() if _text(name) not in _DROPPED}
        return super().restore(kept)


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
