"""What the form shows of an image is Markdown in which nothing from outside is anything but text."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pendulum
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.ui.approval_form import form_body, form_title

URL = "https://images.example/a/b.png?X-Signature=a%2Bb&Expires=1&lt;=2"
HOSTILE = [
    "![x](http://evil.example/?a)",
    "[click](http://evil.example) <http://evil.example> <img src=x onerror=alert(1)> &lt;b&gt; &#60;",
    "`code` ```\nfence\n``` ~~~ *a* __b__ ~~c~~ | a | b |",
    "# head\n> quote\n- item\n1. item\n+ item\n===\n---\n    code\n\n\ttab",
    "[a]: http://evil.example 'x'\n[a]",
    "line\r\nof \u2028 many \x00 kinds \x1b[31m \u202egnp.exe",
    "{{ conn.pictory_default.password }} {% for x in y %} {# note #}",
    "back\\slash \\` \\[x\\](y)",
    "a fox 🦊, a family 👨\u200d👩\u200d👧, ein Käuzchen",
]


TEXTS = {
    "Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "Germany": "🇩🇪",
    "family": "👨\u200d👩\u200d👧\u200d👦",
    "tone": "👍🏽",
    "keycap": "7\ufe0f\u20e3",
    "heart": "❤\ufe0f",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dषि",
    "Sinhala": "ශ්\u200dරී",
    "Arabic": "مَدْرَسَة",
    "Hebrew": "שלום!\u200f",
    "Thai": "ภาษา\u200bไทย",
    "Vietnamese": "tiê\u0301ng",
    "hyphen": "Donau\u00addampf",
    "French": "quoi\u202f?",
    "Japanese": "葛\U000e0100城\u3000市",
    "Japanese city": "葛\U000e0100",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ\u180bᠤ\u180eᠨ",
    "grapheme joiner": "a\u034fb",
    "newer emoji": "\U0001fae9",
}
UNFIT = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029", "\ud800", "\udfff"]
UNFIT += map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x2070), *range(0xFFF9, 0xFFFC)])


def tokens(markdown: str) -> list[Token]:
    flat: list[Token] = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        flat += [token, *(token.children or [])]
    return flat


def text(markdown: str) -> str:
    shown = (
        t.content if t.type == "text" or t.type == "text_special" else " " for t in tokens(markdown) if not t.children
    )
    return " ".join("".join(shown).replace("\u2060", "").split())


def words(prompt: str) -> str:
    return re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029\u202e\ud800]+", " ", prompt)


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("place", ["prompt", "model", "label", "detail"])
def test_whatever_comes_from_outside_is_shown_as_text(prompt: str, place: str):
    image: dict[str, Any] = {"url": URL, "prompt": "A fox", "model": "m", "width": 1280, "height": 720}
    details = {"Caption": "c"}
    if place in ("prompt", "model"):
        image[place] = prompt
    elif place == "label":
        details = {prompt: "c"}
    else:
        details = {"Caption": prompt}
    body = form_body(image, details)
    found = tokens(body)
    assert [t.attrs["src"] for t in found if t.type == "image"] == [URL]
    assert [t.attrs["href"] for t in found if t.type == "link_open"] == [URL]
    kinds = {t.type for t in found}
    assert kinds <= {
        "paragraph_open", "paragraph_close", "inline", "image", "text", "text_special", "softbreak", "hardbreak",
        "link_open", "link_close", "blockquote_open", "blockquote_close", "strong_open", "strong_close",
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
    }  # fmt: skip
    assert words(prompt) in text(body)


@pytest.mark.parametrize("name", TEXTS)
def test_no_language_and_no_emoji_is_changed(name: str):
    said = TEXTS[name]
    image = {"prompt": said, "model": said}
    shown = "".join(t.content for t in tokens(form_body(image, {said: said})) if t.type in ("text", "text_special"))
    assert shown.count(said) == 4
    assert form_title(image) == f"Approve this image? {said}"


@pytest.mark.parametrize("unfit", UNFIT, ids=ascii)
def test_what_hides_or_turns_text_is_blank(unfit: str):
    said = f"a{unfit}b"
    body = form_body({"model": said}, {said: said})
    assert body == "There is no picture to show.\n\n- **a b:** a b\n- **Model:** a b"
    assert form_title({"prompt": said}) == "Approve this image? a b"


@pytest.mark.parametrize("name", ["Scotland", "Germany", "family", "tone", "keycap", "heart", "Hindi", "Japanese city"])
def test_a_long_title_ends_between_characters(name: str):
    """A flag whose end is cut off is another flag."""
    said = TEXTS[name]
    for before in range(60, 85):
        title = form_title({"prompt": f"{'x' * before}{said}{'x' * 40}"}).removeprefix("Approve this image? ")
        assert len(title) <= 80
        assert re.fullmatch(f"x+({re.escape(said)})?x*…", title)


@pytest.mark.parametrize(
    "link", ["_www.evil.example", "see http://evil.example/a", "www.evil.example", "WWW.EVIL.EXAMPLE", "a@evil.example"]
)
def test_addresses_in_a_prompt_do_not_become_links(link: str):
    """Renderers of GitHub's flavour look for these in the text that is left when all escapes are gone."""
    shown = "".join(t.content for t in tokens(form_body({"prompt": link})) if t.type in ("text", "text_special"))
    assert not re.search(r"(https?://|www(?=\.))[-.\w]|[-.\w+]@[-\w]", shown, re.I)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:image/png;base64,AA", "file:///etc/passwd", "//evil.example/a", "https://u:p@a.example",
     "https://a.example/ b", "https://a.example/\n", None, 7, "", {"a": 1}],
)  # fmt: skip
def test_only_addresses_of_the_web_are_shown_as_pictures(url: Any):
    body = form_body({"url": url, "prompt": "A fox"})
    assert body == "There is no picture to show.\n\n> A fox  "


@pytest.mark.parametrize("path", ["a>b", "a<b", "a\\b", "a\\>b", "a)b(", "a&copy;b", 'a"b', "a]b[", "ü"])
def test_no_address_ends_before_its_end(path: str):
    from urllib.parse import unquote

    body = form_body({"url": f"https://a.example/{path}"})
    [image] = [t for t in tokens(body) if t.type == "image"]
    assert unquote(str(image.attrs["src"])) == f"https://a.example/{path}"
    assert "".join(t.content for t in tokens(body) if t.type == "text") == "Open it in full size"


def test_what_is_known_is_shown_and_what_is_not_is_left_out():
    image = {"url": URL, "prompt": "A fox,\nred", "model": "flux-schnell", "width": 1280, "height": 720}
    assert form_body({**image, "ai_credits_used": 0.6}, {"Caption": "Hello"}).splitlines()[4:] == [
        "> A fox\\,  ",
        "> red  ",
        "",
        "- **Caption:** Hello",
        "- **Model:** flux\\-schnell",
        "- **Size:** 1280 × 720 pixels",
        "- **Credits:** 0\\.6",
    ]
    assert form_body({}) == "There is no picture to show."


def test_the_title_is_one_short_line():
    assert form_title({"prompt": "A fox,\n red"}) == "Approve this image? A fox, red"
    assert form_title({}) == "Approve this image?"
    assert len(form_title({"prompt": "fox " * 1000})) == 100


@pytest.mark.parametrize("mapped", [False, True], ids=["one", "mapped"])
@pytest.mark.parametrize("given", ["itself", "default_args"])
@pytest.mark.parametrize("response_timeout", [None, dt.timedelta(hours=2)])
def test_an_execution_timeout_is_no_time_to_answer(response_timeout: dt.timedelta | None, given: str, mapped: bool):
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    from airflow.sdk import DAG

    timeout = {"execution_timeout": dt.timedelta(seconds=20)}
    own = timeout if given == "itself" else {}
    with DAG("night", schedule=None, default_args=timeout if given == "default_args" else {}):
        form = {"task_id": "approve", "response_timeout": response_timeout, **own}
        if mapped:
            task = approval.ApproveImageOperator.partial(**form).expand(image=[{}]).unmap({"image": {}})
        else:
            task = approval.ApproveImageOperator(image={}, **form)
    assert task.response_timeout == response_timeout
    assert task.execution_timeout == dt.timedelta(seconds=20)


class Pulled:
    """What another task has returned, as an argument of an operator."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def resolve(self, context: Any) -> Any:
        return self._value


@pytest.mark.parametrize("another", [False, True])
def test_a_prompt_is_never_a_template(monkeypatch: pytest.MonkeyPatch, another: bool):
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    from airflow.providers.standard.operators import hitl
    from airflow.sdk import exceptions

    from airflow_provider_pictory.version_compat import TaskDeferred

    asked: dict[str, Any] = {}
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **form: asked.update(form))
    hostile = "{{ secret }} {% if secret %}x{% endif %}"
    task = approval.ApproveImageOperator(
        task_id="approve",
        subject="{{ secret }}",
        image=Pulled({"prompt": hostile}),
        details={"Caption": Pulled(hostile)},
        another=another,
        response_timeout=pendulum.duration(hours=1),
    )
    ti = type("TaskInstance", (), {"id": "1"})()
    context: Any = {"secret": "s3cr3t", "task_instance": ti}
    task.render_template_fields(context)
    with pytest.raises(getattr(exceptions, "TaskAwaitingInput", TaskDeferred)):  # below 3.3, a trigger waits
        task.execute(context)
    assert type(task.response_timeout) is dt.timedelta
    assert asked["subject"] == "s3cr3t"  # the DAG's author is free to use templates
    assert "s3cr3t" not in asked["body"]
    # The prompt stands once: in the body, or in the field where it can be edited.
    assert asked["body"].count(r"\{\{ secret \}\}") == (1 if another else 2)
    assert not another or asked["params"]["prompt"]["value"] == hostile
    with pytest.raises(TypeError):
        approval.ApproveImageOperator(task_id="body", image={}, body=hostile)


class Missing:
    """What another task has not pushed."""

    def resolve(self, context: Any) -> Any:
        from airflow_provider_pictory.version_compat import XComNotFound

        raise XComNotFound("dag", "task", "prompt")


def test_where_nobody_has_asked_for_another_image_none_is_made():
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    from airflow_provider_pictory.version_compat import AirflowSkipException

    task = approval.RegenerateImageOperator(task_id="again", prompt=Missing())
    with pytest.raises(AirflowSkipException, match="Nobody has asked for another image"):
        task.render_template_fields({})


@pytest.mark.parametrize("default_args", [{}, {"trigger_rule": "all_success"}], ids=["no default", "a default"])
def test_another_image_follows_a_task_that_was_skipped(default_args: dict[str, Any]):
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)

    task = approval.RegenerateImageOperator(task_id="again", prompt=Missing(), default_args=default_args)
    assert task.trigger_rule == "none_failed"
    task = approval.RegenerateImageOperator(task_id="last", prompt=Missing(), trigger_rule="all_done")
    assert task.trigger_rule == "all_done"


@pytest.mark.parametrize("default_args", [{}, {"trigger_rule": "all_success"}], ids=["no default", "a default"])
def test_other_images_of_a_mapped_task_do_so_too(default_args: dict[str, Any]):
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    from airflow.sdk import DAG

    with DAG("d", schedule=None, default_args=default_args):
        partial = approval.RegenerateImageOperator.partial
        mapped = partial(task_id="again").expand(prompt=["A red fox", "A grey wolf"])
        last = partial(task_id="last", trigger_rule="all_done").expand(prompt=["A red fox"])
    assert mapped.trigger_rule == "none_failed"
    assert last.trigger_rule == "all_done"


def test_a_prompt_that_cannot_be_is_asked_for_again():
    """Airflow's form lets any text pass, and a task that fails for good would leave the picture undecided."""
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    from airflow_provider_pictory.version_compat import AirflowException, AirflowFailException

    task = approval.ApproveImageOperator(task_id="approve", image={"prompt": "A fox"}, another=True)
    event = {"responded_at": dt.datetime.now(dt.timezone.utc), "responded_by_user": None}
    event |= {"chosen_options": ["Make another"], "params_input": {"prompt": "ab"}}
    ti = type("TaskInstance", (), {"xcom_push": lambda *_, **__: None})()
    with pytest.raises(AirflowException, match="has 2 characters") as caught:
        task.execute_complete({"ti": ti}, event)
    assert not isinstance(caught.value, AirflowFailException)


TIMEOUT = {"error": "The Human-in-the-loop response timeout has passed without a response.", "error_type": "timeout"}


@pytest.mark.parametrize("answer", ["Reject", "Approve", "Make another"])
def test_nobodys_answer_is_given_after_the_timeout_and_is_not_highlighted_in_the_form(answer: str):
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    from airflow_provider_pictory.version_compat import AirflowSkipException

    image = {"prompt": "A fox in the snow"}
    task = approval.ApproveImageOperator(task_id="approve", image=image, another=True, defaults=answer)
    assert task.defaults is None
    pushed: dict[str, Any] = {}
    ti = type("TaskInstance", (), {"xcom_push": lambda _, key, value: pushed.update({key: value})})()
    if answer == "Approve":
        assert task.execute_complete({"ti": ti}, dict(TIMEOUT)) == image
    else:
        with pytest.raises(AirflowSkipException, match=f"{answer}: nobody has answered in time"):
            task.execute_complete({"ti": ti}, dict(TIMEOUT))
    assert pushed["answer"]["chosen_options"] == [answer]
    assert pushed["answer"]["responded_by_user"] is None
    assert pushed.get("prompt") == ("A fox in the snow" if answer == "Make another" else None)


def test_an_answer_that_the_form_does_not_offer_is_refused():
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    with pytest.raises(InvalidRequestError, match="defaults: is 'Make another'; allowed: Approve, Reject"):
        approval.ApproveImageOperator(task_id="approve", image={}, defaults="Make another")


def test_an_error_other_than_the_timeout_is_no_answer():
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    task = approval.ApproveImageOperator(task_id="approve", image={"prompt": "A fox"})
    with pytest.raises(Exception, match="broken"):
        task.execute_complete({}, {"error": "broken", "error_type": "validation"})


def test_the_operator_is_found_by_its_old_name_with_a_warning():
    approval = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    with pytest.warns(DeprecationWarning, match="GenerateAnotherImageOperator is now RegenerateImageOperator"):
        assert approval.GenerateAnotherImageOperator is approval.RegenerateImageOperator
