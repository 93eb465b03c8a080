"""
What a task's result was made of, and where it is: for hook lineage and for OpenLineage.

Nothing of OpenLineage is imported before its listener calls a task's methods.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.task.asset_events import (
    MAX_ITEMS,
    describe,
    fill_asset_events,
    is_post,
    media_uri,
    uri_of,
)
from airflow_provider_pictory.version_compat import BaseOperator, get_hook_lineage

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import RunFacet

    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

MAX_PROMPT = 1000

_OBJECT_STORES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""The names that OpenLineage has for a scheme."""


def report(context: Context, record: Mapping[str, Any]) -> None:
    """
    Tell assets and lineage of a task's result, or of what there is of it before the task fails.

    :param record: the image or post as in the XCom for galleries.
    """
    task: Any = context.get("task")
    if task is None:
        return
    before = getattr(task, "lineage_record", None)
    if before and record.get("error") and uri_of(before) and not uri_of(record):
        record = {**before, "error": record["error"]}  # it was paid for, and then not stored
    task.lineage_record = record
    uri = uri_of(record)
    extra = describe(record, getattr(task, "image", None))
    fill_asset_events(context, extra, uri)
    if uri is not None and uri != uri_of(before):
        _report_to_hook_lineage(task, inputs_of(task, record), uri, extra)


def remember(context: Context, record: Mapping[str, Any]) -> None:
    """Keep a job that was submitted, whose image another task waits for."""
    task: Any = context.get("task")
    if task is not None:
        task.lineage_record = record


def inputs_of(task: Any, record: Mapping[str, Any] | None) -> list[str]:
    """Return the asset URIs of the pictures that a task uses, as far as they are known."""
    uris = [uri_of(getattr(task, name, None)) for name in ("reference_image_url", "image")]
    media_ids = getattr(task, "media_ids", None)
    if isinstance(media_ids, (list, tuple)):
        uris += [media_uri(item) for item in media_ids[:MAX_ITEMS]]
    output = None
    if record is not None:
        output = uri_of(record)
        if not is_post(record) and record.get("path"):  # downloaded from there
            uris.append(uri_of({**record, "path": None}))
    return list(dict.fromkeys(uri for uri in uris if uri is not None and uri != output))


def _report_to_hook_lineage(task: BaseOperator, inputs: Iterable[str], output: str, extra: Mapping[str, Any]) -> None:
    try:
        collector = get_hook_lineage()
        if collector is None:
            return
        hook: Any = getattr(task, "hook", task)
        for uri in inputs:
            collector.add_input(hook, uri, {})
        collector.add_output(hook, output, _without_signature(extra))
    except Exception as error:  # the image is paid for, the post is out: the task does not fail for its lineage
        log.warning("Cannot report the lineage (%s: %s)", type(error).__name__, one_line(error))


class WithLineage(BaseOperator):  # a class that is no operator would change the defaults of mapped tasks
    """An operator that tells OpenLineage what it used and made."""

    lineage_record: Mapping[str, Any] | None = None
    """The last image or post of this process, as in the XCom for galleries, also if the task failed then."""

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Return the pictures that the task uses."""
        return _operator_lineage(self, None)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the pictures that the task used, and the image or post that it made, with its ids and credits."""
        return _operator_lineage(self, self.lineage_record)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the same for a task that failed: what was paid for, what was posted, and the error."""
        return _operator_lineage(self, self.lineage_record)


def _operator_lineage(task: Any, record: Mapping[str, Any] | None) -> OperatorLineage[Any, Any]:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import DatasetFacet

    inputs: list[InputDataset] = [InputDataset(*dataset_name(uri)) for uri in inputs_of(task, record)]
    outputs: list[OutputDataset] = []
    run_facets: dict[str, RunFacet] = {}
    if record is not None:
        key = "posteverywhere_post" if is_post(record) else "pictory_image"
        content = _without_signature(describe(record, getattr(task, "image", None)))
        run_facets = {key: _run_facet(content, record)}
        if uri := uri_of(record):
            facet: Any = DatasetFacet().with_additional_properties(**content)
            outputs = [OutputDataset(*dataset_name(uri), facets={key: facet})]
    # OpenLineage takes what a DAG declares only if a task says nothing by itself.
    inputs += _declared(task.inlets, inputs)
    outputs += _declared(task.outlets, outputs)
    return OperatorLineage(inputs=inputs, outputs=outputs, run_facets=run_facets)


def _declared(assets: Iterable[Any], known: Iterable[Any]) -> list[Any]:
    """Return the datasets of a task's inlets or outlets, without those that are known."""
    from airflow.providers.openlineage.extractors.manager import ExtractorManager

    names = {(dataset.namespace, dataset.name) for dataset in known}
    datasets = [ExtractorManager.convert_to_ol_dataset(asset) for asset in assets]
    return [dataset for dataset in datasets if dataset and (dataset.namespace, dataset.name) not in names]


def _without_signature(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's ``extra`` with the URL without its query, which may be a signature."""
    return {**extra, "url": uri_of(extra["url"])}


def _run_facet(content: Mapping[str, Any], record: Mapping[str, Any]) -> RunFacet:
    from openlineage.client.facet_v2 import RunFacet

    more: dict[str, Any] = {}
    if record.get("prompt"):
        more["prompt"] = one_line(record["prompt"], MAX_PROMPT)
    if record.get("error"):
        more["error"] = one_line(record["error"])
    if record.get("ai_credits_expected") is not None:
        more["ai_credits_expected"] = record["ai_credits_expected"]
    if record.get("failed_jobs"):
        more["failed_jobs"] = [dict(item) for item in record["failed_jobs"][:MAX_ITEMS]]
    facet: Any = RunFacet().with_additional_properties(**content, **more)
    typed: RunFacet = facet
    return typed


def dataset_name(uri: str) -> tuple[str, str]:
    """Return the namespace and the name that OpenLineage has for an asset URI."""
    parts = urlsplit(uri)
    path = uri.partition("://")[2].partition("/")[2]
    if parts.scheme in ("file", "local"):
        return "file", f"/{path}"
    if parts.scheme == "posteverywhere":
        return "posteverywhere", f"{parts.netloc}/{unquote(path)}"
    if public_url(uri):
        return f"{parts.scheme}://{parts.netloc}", f"/{path}"
    return f"{_OBJECT_STORES.get(parts.scheme, parts.scheme)}://{parts.netloc}", path
