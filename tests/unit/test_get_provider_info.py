"""What Airflow learns about the package: metadata, forms, links, parameters."""

from __future__ import annotations

import json
import re
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import airflow
import pytest

from airflow_provider_pictory import __version__
from airflow_provider_pictory.client.services import DEFAULT_TIMEOUT, EXTRA_FIELDS, SERVICES
from airflow_provider_pictory.get_provider_info import get_provider_info
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.links import PLATFORM_LINKS, ImageLink, image_links, post_links
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.operators.storage import SaveImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

try:
    from airflow_provider_pictory.operators.approval import ApproveImageOperator
except ImportError:
    ApproveImageOperator = None  # type: ignore[assignment,misc]

AIRFLOW = Path(airflow.__path__[0])
TASKS: list[Any] = [
    GenerateImageOperator,
    ImageJobSensor,
    GenerateMediaOperator,
    PostImageOperator,
    SaveImageOperator,
]
if ApproveImageOperator is not None:
    TASKS.append(ApproveImageOperator)


@pytest.mark.parametrize("schema", ["provider_info.schema.json", "provider.yaml.schema.json"])
def test_the_metadata_passes_airflows_own_schemas(schema: str):
    import jsonschema

    rules = json.loads((AIRFLOW / schema).read_text())
    info = get_provider_info()
    if schema.startswith("provider.yaml"):
        # This one is for the providers in Airflow's own repository, and stricter about what both describe.
        known = rules["properties"]
        info = {name: value for name, value in info.items() if name in known}
        rules = {**rules, "required": []}
    jsonschema.validate(info, rules)


def test_the_entry_point_leads_to_the_metadata():
    [entry] = [item for item in entry_points(group="apache_airflow_provider") if "pictory" in item.value]
    assert entry.load()() == get_provider_info()
    assert get_provider_info()["versions"] == [__version__]


def test_everything_that_the_metadata_names_exists():
    info = get_provider_info()
    for part in ("operators", "sensors", "hooks", "triggers"):
        for group in info[part]:
            for module in group["python-modules"]:
                if module.endswith(".approval") and ApproveImageOperator is None:
                    with pytest.raises(ImportError):
                        import_module(module)
                    continue
                import_module(module)
    classes = [item["hook-class-name"] for item in info["connection-types"]] + info["extra-links"]
    for path in classes + [item["class-name"] for item in info["task-decorators"]]:
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)


@pytest.mark.parametrize("hook", [PictoryHook, PostEverywhereHook])
def test_both_forms_of_a_connection_say_the_same(hook: Any):
    """Airflow 2.11 asks the hook, current versions read the metadata."""
    [listed] = [i for i in get_provider_info()["connection-types"] if i["connection-type"] == hook.conn_type]
    form = hook.get_ui_field_behaviour()
    behaviour = listed["ui-field-behaviour"]
    assert listed["hook-name"] == hook.hook_name
    assert form["hidden_fields"] == behaviour["hidden-fields"] == ["schema", "login", "port"]
    assert form["relabeling"] == behaviour["relabeling"] == {"host": "Base URL", "password": "API key"}
    assert form["placeholders"] == behaviour["placeholders"]
    assert form["placeholders"]["host"] == hook.service.base_url


@pytest.mark.parametrize("listed", get_provider_info()["connection-types"], ids=lambda item: item["connection-type"])
def test_the_forms_help_says_what_the_code_does(listed: dict[str, Any]):
    fields = listed["conn-fields"]
    assert set(fields) < set(EXTRA_FIELDS)
    assert all(field["label"] and field["description"].endswith(".") for field in fields.values())
    [service] = [item for item in SERVICES if item.conn_type == listed["connection-type"]]
    connect, read = DEFAULT_TIMEOUT
    assert fields["timeout"]["description"].endswith(f" Left empty: {connect:g} and {read:g}.")
    assert fields["requests_per_minute"]["description"].endswith(f" Left empty: {service.requests_per_minute:,.0f}.")


def test_the_docs_list_the_fields_of_a_connections_extra():
    """The table of options in docs/connections.md is the one that the code reads."""
    page = (Path(__file__).parents[2] / "docs/connections.md").read_text()
    for name, entry in EXTRA_FIELDS.items():
        defaults = {service.name: entry.default.format(service=service) for service in SERVICES}
        default = "; ".join(f"{service} {text}" for service, text in defaults.items())
        if len(set(defaults.values())) == 1:
            default = entry.default
        assert f"| `{name}` | {entry.meaning} | {entry.allowed} | {default} |\n" in page
        if entry.label:
            assert f"| {entry.label} | {entry.meaning} |\n" in page


@pytest.mark.parametrize("task", TASKS)
def test_all_that_varies_per_run_is_templated(task: Any):
    kept_out = {"deferrable", *(("poke_interval", "timeout") if issubclass(task, ImageJobSensor) else ())}
    kept_out |= {"another", "defaults", "response_timeout", "trigger_rule"}
    from inspect import signature

    own = {name for name, p in signature(task.__init__).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert set(task.template_fields) == own - kept_out


@pytest.mark.parametrize("task", TASKS)
def test_every_parameter_is_documented(task: Any):
    from inspect import signature

    own = {name for name, p in signature(task.__init__).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert own == set(re.findall(r":param (\w+):", task.__doc__))


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://a.example/b.png", "https://a.example/b.png"),
        ("javascript:alert(1)", ""),
        ({"url": "https://a.example"}, ""),
        (None, ""),
    ],
    ids=str,
)
def test_links_lead_to_the_web_alone(value: Any, url: str, monkeypatch: pytest.MonkeyPatch):
    from airflow_provider_pictory.version_compat import XCom

    monkeypatch.setattr(XCom, "get_value", staticmethod(lambda *, ti_key, key: {"_link_ImageLink": value}[key]))
    assert ImageLink().get_link(None, ti_key=None) == url
    assert image_links({"url": value}) == ({"_link_ImageLink": url} if url else {})


def test_a_post_has_one_link_for_each_platform():
    places = [
        ("linkedin", None),
        ("linkedin", "https://l.example/1"),
        ("LinkedIn", "https://l.example/2"),
        ("x", "file:///etc"),
        ("instagram", "https://i.example/1"),
        ("bluesky", "https://b.example/1"),
        (None, "https://n.example/1"),
    ]
    links = post_links({"destinations": [{"platform": platform, "url": url} for platform, url in places]})
    if PLATFORM_LINKS:
        assert links == {
            "_link_LinkedInLink": "https://l.example/1",
            "_link_InstagramLink": "https://i.example/1",
            "_link_PostLink": "https://b.example/1",
        }
    else:  # Airflow 2 would show dead buttons for all other platforms
        assert links == {"_link_PostLink": "https://l.example/1"}
    assert post_links({}) == {}


def test_every_link_that_an_operator_may_have_is_made_known():
    listed = set(get_provider_info()["extra-links"])
    for task in TASKS:
        assert {f"{type(link).__module__}.{type(link).__name__}" for link in task.operator_extra_links} <= listed
    names = [link.name for link in PostImageOperator.operator_extra_links]
    assert len(set(names)) == len(names) == (9 if PLATFORM_LINKS else 1)


def test_the_exception_tree_in_the_docstring_is_the_real_one():
    from airflow_provider_pictory import exceptions as e
    from airflow_provider_pictory.version_compat import AirflowFailException

    lines = re.findall(r"^    ([│ ]*)[└├]── (\w+)\s+(x )?", e.__doc__ or "", re.M)
    assert {name for _, name, _ in lines} == {
        name for name, item in vars(e).items() if isinstance(item, type) and issubclass(item, e.ServiceError)
    }
    parents = {0: "AirflowException"}
    for indent, name, permanent in lines:
        depth = len(indent) // 4 + 1
        parents[depth] = name
        error = getattr(e, name)
        assert parents[depth - 1] in [base.__name__ for base in error.__bases__]
        assert issubclass(error, AirflowFailException) == bool(permanent), name
