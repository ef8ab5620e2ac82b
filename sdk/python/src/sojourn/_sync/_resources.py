"""Client.workflows, keys, workers, projects and files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .._files import Upload, collect, file_id, has_files, substitute
from .._gen import models
from .._models import FileInfo, PageModel
from .._options import Seconds, compact, instant, millis, segment
from ._pages import Pager
from ._transport import Transport


class Workflows:
    """Workflows: named, versioned pieces of work. Workers register theirs by themselves."""

    def __init__(self, transport: Transport) -> None:
        self._t = transport

    def list(
        self, *, search: str | None = None, name: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Pager[models.Workflow, PageModel[models.Workflow]]:
        """Workflows by name. Iterate over the result, or ask it for one page().

        Args:
            search: a part of the name.
            name: the whole name.
            limit: items in a page, 1 to 100. Default 20.
            cursor: next_cursor of the page before.
        """
        query = compact(search=search, name=name, limit=limit)

        def fetch(cursor: str | None) -> PageModel[models.Workflow]:
            q = query | compact(cursor=cursor)
            return self._t.call(PageModel[models.Workflow], "GET", "/v1/workflows", query=q)

        return Pager(fetch, lambda page: page.data, cursor)

    def get(self, workflow: str) -> models.Workflow:
        """Reads a workflow by name or id.

        Raises:
            NotFoundError: there is no such workflow.
        """
        return self._t.call(models.Workflow, "GET", f"/v1/workflows/{segment(workflow)}")

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        input_schema: Mapping[str, Any] | None = None,
        version: str | int | None = None,
        retention: Seconds | None = None,
        timeout: Seconds | None = None,
    ) -> models.Workflow:
        """Makes a workflow, to accept starts before its worker is there.

        Args:
            name: lower-case letters, digits, ".", "_" and "-", at most 100.
            description: for people.
            input_schema: JSON Schema 2020-12 that every input must match.
            version: label of the first version. Default: none.
            retention: seconds that finished executions are kept. Default: the server's.
            timeout: default deadline of executions in seconds. Default: none.

        Raises:
            ConflictError: the name exists.
        """
        body = compact(
            name=name,
            description=description,
            input_schema=input_schema,
            version=version,
            retention_ms=millis(retention),
            timeout_ms=millis(timeout),
        )
        return self._t.call(models.Workflow, "POST", "/v1/workflows", body=body)

    def update(
        self,
        workflow: str,
        *,
        retention: Seconds | None = None,
        timeout: Seconds | None = None,
        api_trigger: bool | None = None,
    ) -> models.Workflow:
        """Changes a workflow's settings; what is left out stays, 0 returns to the server's default.

        Args:
            workflow: its name or id.
            retention: seconds that finished executions are kept.
            timeout: default deadline of executions in seconds.
            api_trigger: False refuses starts (403 `api_trigger_disabled`); what was started goes on.
        """
        body = compact(retention_ms=millis(retention), timeout_ms=millis(timeout), api_trigger=api_trigger)
        return self._t.call(models.Workflow, "PATCH", f"/v1/workflows/{segment(workflow)}", body=body)

    def stats(
        self,
        workflow: str,
        *,
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        buckets: int | None = None,
    ) -> models.WorkflowStats:
        """How many executions were started, what became of them, and how long they took.

        Executions are counted in the bucket in which they were created, by the state that they are in now.

        Args:
            workflow: its name or id.
            start: a datetime, a date, or an expression such as "now()-7d". Default: 24 hours before the end.
            end: likewise. Default: now.
            buckets: about how many parts the time is divided into, 1 to 200. Default 48.
        """
        query = compact(**{"from": instant(start), "to": instant(end), "buckets": buckets})
        path = f"/v1/workflows/{segment(workflow)}/stats"
        return self._t.call(models.WorkflowStats, "GET", path, query=query)

    def delete(self, workflow: str) -> None:
        """Removes a workflow; its finished executions stay.

        Raises:
            ConflictError: it has open executions or live workers.
        """
        self._t.request("DELETE", f"/v1/workflows/{segment(workflow)}")

    def versions(
        self, workflow: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[models.Version, PageModel[models.Version]]:
        """A workflow's versions, newest first; see list for the arguments."""
        query = compact(limit=limit)
        path = f"/v1/workflows/{segment(workflow)}/versions"

        def fetch(cursor: str | None) -> PageModel[models.Version]:
            return self._t.call(PageModel[models.Version], "GET", path, query=query | compact(cursor=cursor))

        return Pager(fetch, lambda page: page.data, cursor)

    def add_version(
        self,
        workflow: str,
        *,
        version: str | int | None = None,
        description: str | None = None,
        input_schema: Mapping[str, Any] | None = None,
        current: bool = True,
    ) -> models.Version:
        """Adds a version.

        Args:
            workflow: name or id.
            version: its label.
            description: for people.
            input_schema: JSON Schema 2020-12 that every input must match.
            current: whether starts use it from now on.
        """
        body = compact(version=version, description=description, input_schema=input_schema, current=current)
        return self._t.call(models.Version, "POST", f"/v1/workflows/{segment(workflow)}/versions", body=body)

    def set_current_version(self, workflow: str, version: str | int) -> models.Version:
        """Chooses the version that starts use, by label or number."""
        path = f"/v1/workflows/{segment(workflow)}/versions/current"
        return self._t.call(models.Version, "PUT", path, body={"version": version})


class Keys:
    """API keys of the project."""

    def __init__(self, transport: Transport) -> None:
        self._t = transport

    def list(self) -> list[models.Key]:
        """The keys without their secrets, newest first, revoked ones too."""
        return (self._t.call(PageModel[models.Key], "GET", "/v1/keys")).data

    def create(
        self,
        scopes: Iterable[models.Scope],
        *,
        name: str | None = None,
        workflows: Iterable[str] | None = None,
        rate_limit: float | str | None = None,
        expires_at: datetime | str | None = None,
        project: str | None = None,
    ) -> models.NewKey:
        """Makes a key; the answer is the only one that ever shows it.

        Args:
            scopes: what it may do; only scopes that the client's own key has.
            name: for people.
            workflows: binds a worker's key to these workflows.
            rate_limit: requests per second, or a text such as "600/m".
            expires_at: when it stops working. Default: never.
            project: name or id, only for keys with the scope admin. Default: the client's own.
        """
        body = compact(
            name=name,
            scopes=list(scopes),
            workflows=None if workflows is None else list(workflows),
            rate_limit=rate_limit,
            expires_at=instant(expires_at),
            project=project,
        )
        return self._t.call(models.NewKey, "POST", "/v1/keys", body=body, once=True)

    def revoke(self, id: str) -> None:
        """Ends a key; it stops working within 5 seconds."""
        self._t.request("DELETE", f"/v1/keys/{segment(id)}")


class Workers:
    """Live worker sessions."""

    def __init__(self, transport: Transport) -> None:
        self._t = transport

    def list(self) -> list[models.Worker]:
        """The sessions of the project, oldest first."""
        return (self._t.call(PageModel[models.Worker], "GET", "/v1/workers")).data


class Projects:
    """Projects own workflows, executions and keys. They need a key with the scope admin."""

    def __init__(self, transport: Transport) -> None:
        self._t = transport

    def list(self) -> list[models.Project]:
        """All projects."""
        return (self._t.call(PageModel[models.Project], "GET", "/v1/projects")).data

    def create(self, name: str) -> models.Project:
        """Makes a project.

        Raises:
            ConflictError: the name exists.
        """
        return self._t.call(models.Project, "POST", "/v1/projects", body={"name": name}, once=True)


class Files:
    """Files that inputs and outputs refer to."""

    def __init__(self, transport: Transport, headers: Mapping[str, str] | None = None) -> None:
        self._t = transport
        self._headers = dict(headers or {})

    def upload(
        self, file: Any, *, filename: str | None = None, mime_type: str | None = None, timeout: Seconds | None = None
    ) -> FileInfo:
        """Uploads a file, in pieces, without holding it in memory.

        One that no execution uses is removed after 24 hours.

        Args:
            file: a Path, an open binary file, bytes or a sojourn.File.
            filename: Default: the file's own.
            mime_type: Default: guessed from the name, else application/octet-stream.
            timeout: seconds for each wait of the transfer. Default: the client's.

        Raises:
            PayloadTooLargeError: it is larger than the server takes.
        """
        upload = Upload(file, filename, mime_type)
        query = {"filename": upload.filename}
        headers = self._headers | {"accept": "application/json"}
        return self._t.call(FileInfo, "POST", "/v1/files", query=query, upload=upload, headers=headers, timeout=timeout)

    def replace(self, value: Any) -> Any:
        """A value with every file in it uploaded and replaced by its reference."""
        if not has_files(value):
            return value
        found: dict[int, Any] = {}
        collect(value, found)
        references = {key: (self.upload(file)).reference() for key, file in found.items()}
        return substitute(value, references)

    def get(self, file: str | Mapping[str, Any]) -> FileInfo:
        """Reads what is known of a file, by its id or a reference.

        Raises:
            NotFoundError: there is no such file.
        """
        return self._t.call(FileInfo, "GET", f"/v1/files/{segment(file_id(file))}", headers=self._headers)

    def list(
        self, *, execution: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Pager[FileInfo, PageModel[FileInfo]]:
        """Files, newest first. Iterate over the result, or ask it for one page().

        Args:
            execution: only those that this execution uses.
            limit: items in a page, 1 to 100. Default 20.
            cursor: next_cursor of the page before.
        """
        query = compact(execution_id=execution, limit=limit)

        def fetch(cursor: str | None) -> PageModel[FileInfo]:
            return self._t.call(PageModel[FileInfo], "GET", "/v1/files", query=query | compact(cursor=cursor))

        return Pager(fetch, lambda page: page.data, cursor)

    def download(self, file: str | Mapping[str, Any]) -> bytes:
        """The content of a file, in memory.

        Args:
            file: its id, or the reference that stands in an input or output.
        """
        path = f"/v1/files/{segment(file_id(file))}/content"
        response = self._t.request("GET", path, headers=self._headers | {"accept": "*/*"})
        return response.content

    def download_to(self, file: str | Mapping[str, Any], path: str | os.PathLike[str]) -> int:
        """Writes the content of a file to a path, in pieces, and returns its size in bytes.

        What is at the path is replaced once the whole file has arrived.
        """
        target = os.fspath(path)
        part = f"{target}.part"
        try:
            size = self._save(file, part)
            os.replace(part, target)
        finally:
            if os.path.exists(part):
                os.unlink(part)
        return size

    def _save(self, file: str | Mapping[str, Any], path: str) -> int:
        url = f"/v1/files/{segment(file_id(file))}/content"
        with self._t.stream("GET", url, headers=self._headers | {"accept": "*/*"}) as response:
            if response.status_code != 200:
                self._t.fail(response)
            return self._t.save(url, response, path)

    def delete(self, file: str | Mapping[str, Any]) -> None:
        """Removes a file.

        Raises:
            ConflictError: an open execution uses it.
        """
        self._t.request("DELETE", f"/v1/files/{segment(file_id(file))}")
