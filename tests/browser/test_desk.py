"""The gallery for whoever is responsible for the night: what failed, why, what waits, what is due, and what it cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.browser.conftest import Web

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect: Any = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=60_000)
Visit = Callable[..., "Page"]

DESK = "pictory-gallery/?dag=desk"
cards = "#images .card:not(.blank)"


def card(page: Any, prompt: str) -> Any:
    return page.locator(cards).filter(has_text=prompt)


def tab(page: Any, name: str) -> Any:
    return page.locator("#tabs").get_by_role("button", name=name)


def calls_of(page: Page) -> list[str]:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v2/" in request.url else None)
    return asked


# What failed, and why


def test_failed_and_running_generations_are_cards_with_their_reason_and_log(visit: Visit, airflow: Web):
    page = visit(DESK)
    expect(page.locator(cards)).to_have_count(15)
    expect(page.locator("#sums")).to_contain_text("9 images · 4 failed · 2 running")
    said = {
        "A lighthouse [fail]": "Image generation failed",
        "A lighthouse [policy]": "rejected by the content policy",
        "A pier [fail]": "Image generation failed",
        "fox": "prompt: has 3 characters; allowed: 5 to 5,000 characters",
    }
    for prompt, reason in said.items():
        failed = page.locator(cards).filter(has=page.locator(".prompt").get_by_text(prompt, exact=True))
        expect(failed).to_contain_text("Generation failed")
        expect(failed).to_contain_text(reason)
    for prompt in ("A picture on its way in two tasks", "A picture on its way"):
        running = page.locator(cards).filter(has=page.locator(".prompt").get_by_text(prompt, exact=True))
        expect(running).to_contain_text("Generating")
    card(page, "A pier [fail]").get_by_role("link", name="Log").click()
    expect(page).to_have_url(re.compile("/dags/desk/runs/.*/tasks/wait_out_of_luck$"))


def test_a_run_in_which_all_failed_shows_them(visit: Visit, airflow: Web):
    run = airflow.get("api/v2/dags/desk/dagRuns", "admin").json()["dag_runs"][0]["dag_run_id"]
    page = visit(f"pictory-gallery/?dag_id=desk&run_id={quote(run)}&attention=generation")
    expect(page.locator(cards)).to_have_count(4)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_credits_are_those_that_were_charged(visit: Visit, sandbox: Any):
    page = visit(DESK)
    ledger = sandbox.world.ledger()["images"]
    ours = [
        image
        for image in ledger
        if re.match(r"A (lighthouse|pier|glass|picture (on its|that is (wait|rej|repl|unan|over)))", image["prompt"])
    ]
    # Of the two that fill.py makes run again, nothing is known any more.
    charged = sum(float(image["credits"]) for image in ours if "on its way" not in image["prompt"])
    text = f"{charged:,.10g} credits, 8 of them for failed jobs by the model's price"
    expect(page.locator("#sums")).to_contain_text(text)


def test_what_needs_attention_is_one_click_away(visit: Visit):
    page = visit(DESK)
    chips = page.get_by_role("group", name="Needs attention")
    expect(chips.get_by_role("button")).to_have_text(
        ["Needs attention6", "Generation failed4", "Overdue1", "Waiting for approval1"]
    )
    chips.get_by_role("button", name="Overdue").click()
    expect(page.locator(cards)).to_have_count(1)
    overdue = card(page, "A picture that is overdue")
    expect(overdue).to_contain_text(re.compile(r"Overdue.*Was due \d+ \w{3} \d\d:\d\d, last checked .*by post_overdue"))
    expect(overdue).to_contain_text("Due long ago")
    assert parse_qs(urlsplit(page.url).query)["attention"] == ["overdue"]
    page.keyboard.press("Enter")
    expect(page.locator(cards)).to_have_count(15)


def test_why_an_image_is_not_posted(visit: Visit):
    page = visit(DESK)
    said = {
        "waiting": "Waiting for approval",
        "rejected": "Rejectedby ann",
        "replaced": "Replacedby ann",
        "unanswered": "Not answered in time",
    }
    for name, words in said.items():
        expect(card(page, f"A picture that is {name}").locator(".posted")).to_contain_text(words)
    card(page, "A picture that is rejected").locator(".tile").click()
    expect(page.get_by_role("dialog")).to_contain_text(re.compile("Answered with Reject by ann, 20"))


def test_who_may_not_see_approvals_is_told_so(visit: Visit):
    page = visit("pictory-gallery/?dag=spring_campaign", user="designer")
    expect(page.get_by_role("alert")).to_contain_text("required actions")
    card(page, "A picture that is not posted").locator(".tile").click()
    expect(page.get_by_role("dialog")).to_contain_text("You may not see whether it was held back")


# While it reads


def test_partial_results_do_not_look_final(visit: Visit):
    def hold(page: Page) -> None:
        page.route("**/taskInstances/archived/xcomEntries/pictory_image?*", lambda route: None)

    page = visit("pictory-gallery/?search=nothing+like+it%20here", before=hold)
    expect(page.locator("#sums")).to_contain_text(re.compile(r"found so far, [\d,]+ of [\d,]+ (read|listed)"))
    expect(page.locator("#images .blank")).to_have_count(12)
    expect(page.get_by_role("alert")).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")


def test_values_are_kept_by_the_browser_for_those_to_whom_airflow_lists_them(visit: Visit, airflow: Web):
    page = visit(DESK)
    expect(page.locator("#sums")).to_contain_text("38.6 credits")
    expect(page.locator(".skeleton")).to_have_count(0)
    page.wait_for_timeout(1000)  # what was read is written together
    asked = calls_of(page)
    page.reload()
    expect(page.locator("#sums")).to_contain_text("38.6 credits")
    of_desk = [url for url in asked if "/dags/desk/" in url and "/xcomEntries/pictory_image" in url]
    assert of_desk == []
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "_token", "value": airflow.token("designer"), "url": f"{airflow.url}/"}])
    page.goto(f"{airflow.url}/pictory-gallery/")
    expect(page.locator("#sums")).to_contain_text("6 images")
    expect(page.locator(cards).filter(has_text="desk")).to_have_count(0)


# Addresses


def test_filters_and_the_large_view_stay_in_airflows_own_address(visit: Visit, airflow: Web):
    page = visit("plugin/pictory-gallery")
    gallery = page.frame_locator("iframe[title=Gallery]")
    gallery.get_by_role("combobox", name="Dag").select_option("desk")
    expect(gallery.locator(cards)).to_have_count(15)
    assert re.search("/plugin/pictory-gallery.*#dag=desk$", page.url)
    card(gallery, "A picture that is waiting").locator(".tile").click()
    expect(gallery.get_by_role("dialog")).to_contain_text("of 15")
    assert "&image=" in page.url
    page.reload()
    expect(gallery.get_by_role("dialog")).to_contain_text("A picture that is waiting")
    page.go_back()
    expect(gallery.get_by_role("dialog")).to_be_hidden()
    expect(gallery.locator(cards)).to_have_count(15)
    gallery.get_by_role("link", name="desk").first.click()
    expect(page).to_have_url(f"{airflow.url}/dags/desk")
    page.go_back()
    expect(gallery.locator(cards)).to_have_count(15)


def test_back_closes_the_large_view(visit: Visit):
    page = visit(DESK)
    card(page, "A picture that is waiting").locator(".tile").click()
    large = page.get_by_role("dialog")
    expect(large).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(large).to_contain_text(re.compile(r"\d+ of 15"))
    page.go_back()
    expect(large).to_be_hidden()
    assert urlsplit(page.url).query == "dag=desk"
    page.go_forward()
    expect(large).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()


def test_colours_of_dags_stay(visit: Visit):
    page = visit("pictory-gallery/")
    expect(page.locator(".legend li")).to_have_count(5)

    def colours() -> dict[str, str]:
        found = page.locator(".legend li").evaluate_all(
            "all => all.map(one => [one.childNodes[1].textContent, one.querySelector('.swatch').className])"
        )
        return dict(found)

    before = colours()
    page.get_by_role("group", name="What is summed up").get_by_role("button", name="Credits").click()
    expect(page.locator(".measures [aria-pressed=true]")).to_have_text("Credits")
    assert colours() == before
    page.get_by_role("combobox", name="Dag").select_option("desk")
    expect(page.locator(".legend li")).to_have_count(1)
    assert colours() == {"desk": before["desk"]}


# The other views


def test_the_schedule_has_what_is_due_tomorrow(visit: Visit):
    page = visit("pictory-gallery/")
    tab(page, "Schedule").click()
    tomorrow = page.locator(".day:not(.gap)").nth(1)
    expect(tomorrow).to_contain_text("1 post")
    expect(tomorrow).to_contain_text("Scheduled")
    expect(tomorrow).to_contain_text("Instagram")
    expect(tomorrow).to_contain_text("Spring is here")
    expect(tomorrow.locator("img")).to_have_js_property("complete", True)
    expect(page.locator(".day.gap")).not_to_have_count(0)
    page.go_back()
    expect(page.locator(cards)).not_to_have_count(0)
    tab(page, "Schedule").click()
    page.get_by_role("button", name=re.compile("^.*: 1 post$")).last.click()  # tomorrow; others are of the past
    expect(page.locator(".day")).to_have_count(1)
    expect(page.locator(".day")).to_contain_text("1 post")


def test_a_tag_filters_the_schedule(visit: Visit):
    page = visit("pictory-gallery/?tab=schedule&tag=launch&range=90")
    expect(page.locator(".entry img")).not_to_have_count(0)
    expect(page.locator(".entry").filter(has_not_text="desk ·")).to_have_count(0)


def test_spending_counts_today_whatever_time_was_chosen(visit: Visit):
    page = visit("pictory-gallery/?tab=spending&range=yesterday&dag=desk")
    expect(page.locator("#spending table tfoot")).to_contain_text("38.6")
    expect(page.get_by_role("combobox", name="Time")).to_be_hidden()


def test_what_this_week_has_cost_can_be_copied(visit: Visit):
    page = visit("pictory-gallery/?dag=desk", permissions=["clipboard-read", "clipboard-write"])
    tab(page, "Spending").click()
    table = page.locator("#spending table")
    expect(table.locator("tfoot")).to_contain_text("38.6")
    expect(table.locator("thead tr").first).to_have_text("DagModelTodayThis weekThis month")
    expect(table).to_contain_text("nanobanana-pro")
    expect(page.locator("#spending")).to_contain_text("8 credits are of failed jobs")
    page.get_by_role("button", name="Copy table").click()
    expect(page.get_by_role("button", name="Copy table")).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t")[:2] == ["Dag", "Model"]
    assert lines[-1].startswith("Sum\t")


def test_search_finds_the_picture_of_a_prompt(visit: Visit):
    page = visit("pictory-gallery/")
    page.get_by_role("searchbox").fill("glass SEA")
    expect(page.locator(cards)).to_have_count(4)
    page.reload()
    expect(page.locator(cards)).to_have_count(4)
    expect(page.get_by_role("searchbox")).to_have_value("glass SEA")


def test_four_variants_of_a_prompt_side_by_side(visit: Visit):
    page = visit(DESK)
    expect(page.locator(cards)).to_have_count(15)
    page.get_by_label("Group by prompt").check()
    page.get_by_role("button", name="Compare").first.click()
    large = page.get_by_role("dialog")
    expect(large.locator("article")).to_have_count(4)
    expect(large.locator("article img")).to_have_count(4)
    assert large.locator("article").first.locator(".differs dt").all_text_contents() == ["Model", "Size", "Cost"]
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()


def test_the_plot_can_be_folded_and_remembers_it(visit: Visit):
    page = visit("pictory-gallery/")
    summary = page.locator("#plot > summary")
    expect(page.locator("#plot svg")).to_be_visible()
    summary.click()
    expect(page.locator("#plot svg")).to_be_hidden()
    page.reload()
    expect(page.locator(cards)).not_to_have_count(0)
    expect(page.locator("#plot svg")).to_be_hidden()


def test_a_phone_shows_every_view_in_its_width(visit: Visit):
    page = visit("pictory-gallery/?dag=desk", viewport={"width": 390, "height": 844}, is_mobile=True)
    expect(page.locator(cards)).to_have_count(15)
    for name in ("Schedule", "Spending", "Images"):
        tab(page, name).click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


# Doing something


def test_who_may_not_answer_is_told_so_and_nothing_is_asked_before_a_click(visit: Visit):
    page = visit(DESK, user="viewer")
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method))
    card(page, "A picture that is waiting").locator(".tile").click()
    large = page.get_by_role("dialog")
    expect(large.get_by_role("button", name="Approve")).to_be_visible()
    page.keyboard.press("a")
    expect(large).to_contain_text("A post cannot be taken back")
    assert set(methods) <= {"GET"}
    page.keyboard.press("Enter")
    expect(large).to_contain_text("You may not do this")
    page.keyboard.press("Escape")
    card(page, "A pier [fail]").locator(".tile").click()
    large.get_by_role("button", name="Wait again").click()
    expect(large).to_contain_text("You may not do this")


def test_a_failed_generation_is_cleared_after_a_confirmation_that_says_what_it_costs(visit: Visit):
    page = visit(DESK)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.method == "POST" else None)
    card(page, "A pier [fail]").locator(".tile").click()
    large = page.get_by_role("dialog")
    large.get_by_role("button", name="Wait again").click()
    expect(large).to_contain_text("costs nothing")
    assert [body["dry_run"] for body in sent] == [True]
    page.keyboard.press("Escape")
    card(page, "A lighthouse [policy]").locator(".tile").click()
    large.get_by_role("button", name="Retry").click()
    expect(large).to_contain_text("against_the_policy")
    large.get_by_role("button", name="Clear").click()
    expect(large).to_contain_text("Cleared: Airflow runs it again.")
    assert [body["dry_run"] for body in sent][-2:] == [True, False]


def test_generating_again_says_what_it_costs_and_clears(visit: Visit, airflow: Web):
    if airflow.get("api/v2/version").json()["version"].startswith(("3.1.", "3.2.")):
        pytest.skip("its lists do not tell which of several tasks has submitted the job")
    page = visit(DESK)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.method == "POST" else None)
    card(page, "A pier [fail]").locator(".tile").click()
    large = page.get_by_role("dialog")
    large.get_by_role("button", name="Generate again").click()
    expect(large).to_contain_text("costs credits again")
    expect(large).to_contain_text("It clears 2 tasks: submit_out_of_luck, wait_out_of_luck.")
    assert [body["dry_run"] for body in sent] == [True, True]
    large.get_by_role("button", name="Cancel").click()
    expect(large.get_by_role("button", name="Clear")).to_have_count(0)


def test_an_approval_is_answered_with_the_keyboard(visit: Visit, airflow: Web):
    page = visit(f"{DESK}&attention=waiting")
    expect(page.locator(cards)).to_have_count(1)
    page.locator("button.tile").focus()
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog")
    expect(large.get_by_role("button", name="Approve")).to_be_visible()
    page.keyboard.press("r")
    expect(large.get_by_role("button", name="Yes, reject")).to_be_focused()
    page.keyboard.press("Enter")
    expect(large).to_contain_text("Reject: Airflow has taken the answer.")
    details = airflow.get("api/v2/dags/desk/dagRuns/~/hitlDetails", "admin").json()["hitl_details"]
    [answered] = [one for one in details if one["task_instance"]["task_id"] == "approve_waiting"]
    assert answered["chosen_options"] == ["Reject"]
    assert answered["responded_by_user"]["name"].startswith("admin")
